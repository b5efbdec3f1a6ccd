import type { Host } from '../host/host.ts'
import type { NetworkEdit } from '../host/netlink/network.ts'
import type { Phase } from './order.ts'
import type { Change } from './setting.ts'
import type { Step } from './step.ts'

/**
 * Called before each group of steps with the host as it is; throws when one of them would be unsafe now,
 * whatever the plan thought.
 */
export type Interlock = (host: Host, steps: readonly Step[]) => Promise<void>

export interface Progress {
  phase: Phase
  made: number
  total: number
}

/** Steps that follow each other in one phase and go to the same part of the host: done as one. */
export function groupSteps(steps: readonly Step[]): Step[][] {
  const groups: Step[][] = []
  for (const step of steps) {
    const open = groups.at(-1)
    const first = open?.[0]
    if (open !== undefined && first?.phase === step.phase && medium(first.change) === medium(step.change))
      open.push(step)
    else groups.push([step])
  }
  return groups
}

/** Makes the steps of one group; on an error some of them may have been made. */
export async function executeGroup(host: Host, group: readonly Step[], interlock: Interlock): Promise<void> {
  await interlock(host, group)
  const edits: NetworkEdit[] = []
  for (const { change } of group) {
    switch (change.kind) {
      case 'sysctl':
        if (change.after !== null) host.sysctl.write(change.id.path, change.after)
        break
      case 'file':
        if (change.after === null) host.files.remove(change.id.path)
        else host.files.write(change.id.path, change.after)
        break
      case 'address':
        if (change.before !== null)
          edits.push({ edit: 'delete-address', address: { ...change.id, ...change.before } })
        if (change.after !== null)
          edits.push({ edit: 'add-address', address: { ...change.id, ...change.after } })
        break
      case 'route':
        edits.push(routeEdit(change))
        break
      default:
        change satisfies never
    }
  }
  if (edits.length > 0) await host.network.edit(edits)
}

function routeEdit({ id, before, after }: Change & { kind: 'route' }): NetworkEdit {
  if (after !== null)
    return { edit: before === null ? 'add-route' : 'replace-route', route: { ...id, ...after } }
  if (before === null) throw new Error(`a route to ${id.destination} that goes from nothing to nothing`)
  return { edit: 'delete-route', route: { ...id, ...before } }
}

function medium({ kind }: Change): 'network' | 'sysctl' | 'file' {
  return kind === 'address' || kind === 'route' ? 'network' : kind
}
