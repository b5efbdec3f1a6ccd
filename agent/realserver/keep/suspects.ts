import type { Host } from '../../host/host.ts'
import {
  type HostProcess,
  listProcesses,
  readAsSeenBy,
  rtnetlinkPorts,
  sharesNetwork,
  unitOf,
} from '../../host/processes.ts'
import type { Change } from '../../reconcile/setting.ts'
import { SYSCTL_FILE } from '../arp-sysctl.ts'
import { readSysctlFiles } from '../verify/arp-sysctl-persisted.ts'
import { bootAssignments } from '../verify/boot-sysctl.ts'
import { domainOf, isListener, mentionIn, rankOf, scriptOf, toolOf } from './usual-suspects.ts'

/** More of them name nobody. */
const MAX_SUSPECTS = 8

/**
 * Who on this host may be undoing a repair, the likeliest first: `etc/sysctl.d/99-site.conf:3 (sets it to 0)`,
 * `sh /opt/fix.sh (process 812, fix.service; names arp_ignore)`, `NetworkManager (process 640)`. It looks at every
 * process: not for each repair, but once something undoes them again and again.
 */
export function suspectsOf(change: Change, { host }: { host: Pick<Host, 'files'> }): string[] {
  const domain = domainOf(change)
  if (domain === null) return []
  const processes = listProcesses()
  const tools = processes.flatMap(process => {
    const tool = toolOf(process, domain)
    return tool === null ? [] : [{ process, tool }]
  })
  const others = processes.filter(process => !tools.some(tool => tool.process === process))
  return [
    ...filesThatSetIt(change, host),
    ...others.flatMap(process => asScript(process, change)),
    ...tools
      .filter(({ process }) => sharesNetwork(process.pid))
      .toSorted((one, other) => rankOf(one.tool, domain) - rankOf(other.tool, domain))
      .map(({ process, tool }) => `${tool} (${placeOf(process)})`),
    ...(domain === 'network' ? holdersOfRtnetlink(others) : []),
  ].slice(0, MAX_SUSPECTS)
}

/** Hidden and overruled ones as well: whoever loads a file by itself (`sysctl -p`) sets what stands in it. */
function filesThatSetIt(change: Change, host: Pick<Host, 'files'>): string[] {
  if (change.kind !== 'sysctl') return []
  return readSysctlFiles(host).flatMap(file => {
    const assignment = file.path === SYSCTL_FILE ? null : bootAssignments([file])(change.id.path)
    return assignment === null || assignment.value === change.after
      ? []
      : [`${assignment.where} (sets it to ${assignment.value})`]
  })
}

function asScript(process: HostProcess, change: Change): string[] {
  const script = scriptOf(process)
  if (script === null) return []
  const text = 'text' in script ? script.text : readAsSeenBy(process.pid, script.file)
  const named = text === null ? null : mentionIn(text, change)
  if (named === null || !sharesNetwork(process.pid)) return []
  const name = 'text' in script ? process.name : `${process.name} ${script.file}`
  return [`${name} (${placeOf(process)}; names ${named})`]
}

/** Whoever sets addresses or routes has such a socket, and so has whoever only listens to them. */
function holdersOfRtnetlink(processes: readonly HostProcess[]): string[] {
  const ports = new Set(rtnetlinkPorts())
  return processes
    .filter(process => ports.has(process.pid) && !isListener(process) && sharesNetwork(process.pid))
    .map(process => `${process.name} (${placeOf(process)}; has an rtnetlink socket)`)
}

/** `process 640, NetworkManager.service`. */
function placeOf({ pid }: HostProcess): string {
  const unit = unitOf(pid)
  return unit === null ? `process ${pid}` : `process ${pid}, ${unit}`
}
