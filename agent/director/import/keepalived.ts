import { serviceText } from '../../model/ipvs.ts'
import { type Findings, type Imported, type ImportedService, refuse, warn } from './imported.ts'
import { readBlocks, type Statement } from './keepalived-blocks.ts'
import { readGlobals } from './keepalived-globals.ts'
import { type Group, readGroup } from './keepalived-group.ts'
import { type Files, readLines } from './keepalived-lines.ts'
import { servicesOf } from './keepalived-service.ts'

/** keepalived.conf, as keepalived 2.3 reads it: the table that it makes when every real server is healthy. */
export function readKeepalived(text: string, file: string, files: Files, findings: Findings): Imported {
  const roots = readBlocks(readLines(text, file, files, findings), findings)
  const named = (name: string): Statement[] => roots.filter(({ words }) => words[0] === name)
  const groups = new Map<string, Group>()
  for (const statement of named('virtual_server_group')) {
    const group = readGroup(statement, findings)
    if (group !== null) groups.set(group.name, group)
  }
  const services = named('virtual_server').flatMap(statement => servicesOf(statement, groups, findings))
  refuseTwins(services, findings)
  const instances = named('vrrp_instance')
  tellOthers(roots, findings)
  return { services, ...readGlobals(named('global_defs'), instances, findings) }
}

function refuseTwins(services: readonly ImportedService[], findings: Findings): void {
  const seen = new Map<string, ImportedService>()
  for (const service of services) {
    const name = serviceText(service.service.key)
    const first = seen.get(name)
    if (first !== undefined)
      refuse(findings, service.at, `${name} is there twice; line ${first.at.line} has it too`)
    seen.set(name, service)
  }
}

const READ = ['virtual_server', 'virtual_server_group', 'global_defs', 'vrrp_instance']
const OF_VRRP =
  /^(?:vrrp_|static_|track_group$|garp_group$|linkbeat_|interface_up_down_delays$|net_namespace|namespace_with_ipsets$|use_pid_dir$|instance$|child_wait_time$)/

/** Blocks that are not for IPVS stay with keepalived, which goes on with VRRP. */
function tellOthers(roots: readonly Statement[], findings: Findings): void {
  for (const { words, at } of roots) {
    const [name = ''] = words
    if (READ.includes(name) || OF_VRRP.test(name)) continue
    if (['SSL', 'bfd_instance', 'track_file'].includes(name))
      warn(findings, at, `keepalived-${name}`, `${name} has no equal`, 'no check of rs-agent uses it')
    else
      warn(
        findings,
        at,
        'unknown-keyword',
        `keepalived knows no ${JSON.stringify(name)}, and passes over it`,
        'see that it is no slip of the pen',
      )
  }
}
