/**
 * Runs inside a namespace: does one piece of work with the agent's IPVS engine on the table of `big-table.ts`, and
 * prints the milliseconds that it took, without the start of the process. What is there before and after is the
 * caller's business.
 */
import { openIpvs } from '../../agent/host/ipvs.ts'
import { bigTable } from './big-table.ts'

const ipvs = await openIpvs()
const pools = bigTable()
const [work] = process.argv.slice(2)
// A check for drift always comes after a first glance, with which it compares.
if (work === 'glance') await ipvs.glance()
const startedAt = performance.now()
switch (work) {
  case 'load':
    await ipvs.edit(
      pools.flatMap(({ service, destinations }) => [
        { edit: 'add-service' as const, service },
        ...destinations.map(destination => ({
          edit: 'add-destination' as const,
          key: service.key,
          destination,
        })),
      ]),
    )
    break
  case 'weight': {
    const [first] = pools
    const [destination] = first?.destinations ?? []
    if (first === undefined || destination === undefined) throw new Error('the table is empty')
    await ipvs.edit([
      { edit: 'edit-destination', key: first.service.key, destination: { ...destination, weight: 5 } },
    ])
    break
  }
  case 'glance':
    await ipvs.glance()
    break
  case 'table':
    await ipvs.table()
    break
  default:
    throw new Error(`what is ${work}?`)
}
const tookMs = performance.now() - startedAt
ipvs.close()
process.stdout.write(`${tookMs}\n`)
