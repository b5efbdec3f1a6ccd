import { AgentError } from '../errors.ts'
import type { Host } from '../host/host.ts'
import type { Ipvs, IpvsEdit } from '../host/ipvs.ts'
import type { NetworkEdit } from '../host/netlink/network.ts'
import { changeServing } from './execute-serving.ts'
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
  /** What is under way, in the words of the program that does it. */
  detail?: string
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
  const ipvsEdits: IpvsEdit[] = []
  for (const { change } of group) {
    switch (change.kind) {
      case 'sysctl':
        if (change.after !== null) host.sysctl.write(change.id.path, change.after)
        break
      case 'file':
        if (change.after === null) host.files.remove(change.id.path)
        else host.files.write(change.id.path, change.after)
        break
      case 'site':
      case 'unit-file':
      case 'folder':
      case 'mount':
      case 'fstab-line':
      case 'boot-unit':
      case 'web-server':
        await changeServing(host, change)
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
      case 'ipvs-service':
      case 'ipvs-destination':
        ipvsEdits.push(ipvsEdit(change))
        break
      case 'ipvs-timeout':
        if (change.after !== null)
          await (await ipvsOf(host)).setTimeouts({ [change.id.name]: Number(change.after) })
        break
      case 'sync-daemon':
        await replaceDaemon(host, change)
        break
      default:
        change satisfies never
    }
  }
  if (edits.length > 0) await host.network.edit(edits)
  if (ipvsEdits.length > 0) await (await ipvsOf(host)).edit(ipvsEdits)
}

function routeEdit({ id, before, after }: Change & { kind: 'route' }): NetworkEdit {
  if (after !== null)
    return { edit: before === null ? 'add-route' : 'replace-route', route: { ...id, ...after } }
  if (before === null) throw new Error(`a route to ${id.destination} that goes from nothing to nothing`)
  return { edit: 'delete-route', route: { ...id, ...before } }
}

function ipvsEdit(change: Change & { kind: 'ipvs-service' | 'ipvs-destination' }): IpvsEdit {
  const { key } = change.id
  const verb = change.before === null ? 'add' : 'edit'
  if (change.kind === 'ipvs-service')
    return change.after === null
      ? { edit: 'delete-service', key }
      : { edit: `${verb}-service`, service: { key, ...change.after } }
  const { address, port } = change.id
  return change.after === null
    ? { edit: 'delete-destination', key, destination: { address, port } }
    : { edit: `${verb}-destination`, key, destination: { address, port, ...change.after } }
}

/** The kernel cannot change one that runs. */
async function replaceDaemon(host: Host, { id, before, after }: Change & { kind: 'sync-daemon' }) {
  const ipvs = await ipvsOf(host)
  if (before !== null) await ipvs.stopDaemon(id.role)
  if (after !== null) await ipvs.startDaemon({ ...id, ...after })
}

async function ipvsOf(host: Host): Promise<Ipvs> {
  const ipvs = await host.ipvs()
  if (ipvs === null) throw new AgentError('unsupported', 'the kernel has no IPVS any more', 'modprobe ip_vs')
  return ipvs
}

function medium({ kind }: Change): string {
  switch (kind) {
    case 'address':
    case 'route':
      return 'network'
    case 'ipvs-service':
    case 'ipvs-destination':
      return 'ipvs table'
    case 'ipvs-timeout':
    case 'sync-daemon':
      return 'ipvs'
    default:
      return kind
  }
}
