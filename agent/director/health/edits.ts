import type { IpvsEdit } from '../../host/ipvs.ts'
import { type Destination, destinationText, type Pool, serviceText } from '../../model/ipvs.ts'
import { isSameValue } from '../../reconcile/setting.ts'

/**
 * From what the table holds of some services to what it shall hold: nobody leaves before others have come, and who
 * stays keeps connections and counters. The services themselves are the same.
 */
export function destinationEdits(before: readonly Pool[], after: readonly Pool[]): IpvsEdit[] {
  const earlier = new Map(
    before.map(({ service, destinations }) => [serviceText(service.key), byName(destinations)]),
  )
  const edits = after.flatMap(({ service: { key }, destinations }) => {
    const were = earlier.get(serviceText(key)) ?? new Map<string, Destination>()
    const are = byName(destinations)
    return [
      ...[...are].flatMap(([name, destination]): IpvsEdit[] => {
        const was = were.get(name)
        if (was === undefined) return [{ edit: 'add-destination', key, destination }]
        return isSameValue({ ...was }, { ...destination })
          ? []
          : [{ edit: 'edit-destination', key, destination }]
      }),
      ...[...were].flatMap(([name, destination]): IpvsEdit[] =>
        are.has(name) ? [] : [{ edit: 'delete-destination', key, destination }],
      ),
    ]
  })
  return edits.sort((left, right) => rank(left) - rank(right))
}

/** In between, rather one too many. */
function rank(edit: IpvsEdit): number {
  if (edit.edit === 'add-destination') return 0
  if (edit.edit === 'edit-destination') return edit.destination.weight > 0 ? 1 : 2
  return 3
}

function byName(destinations: readonly Destination[]): Map<string, Destination> {
  return new Map(destinations.map(destination => [destinationText(destination), destination]))
}
