import { parseIpAddress } from '../../model/address.ts'
import type { IpvsTimeouts, SyncDaemon } from '../../model/ipvs.ts'
import { isMulticast, MAX_TIMEOUT_SECONDS, whyNotDaemon } from '../../model/ipvs-limits.ts'
import { type Findings, type Imported, type ImportedDaemon, refuse, warn } from './imported.ts'
import type { Statement } from './keepalived-blocks.ts'
import { parseNumber } from './numbers.ts'

/** What global_defs and the instances of VRRP say that is for IPVS. */
export function readGlobals(
  definitions: readonly Statement[],
  instances: readonly Statement[],
  findings: Findings,
): Omit<Imported, 'services'> {
  const globals = definitions.flatMap(({ block }) => block ?? [])
  const [instance] = instances
  if (instance !== undefined)
    warn(
      findings,
      instance.at,
      'vrrp',
      `VRRP moves the VIPs (vrrp_instance ${instance.words[1] ?? ''}): \`bindVips: false\` is written`,
      'keep keepalived for VRRP, with its virtual_server blocks taken out',
    )
  for (const statement of globals) tellOption(statement, findings)
  const daemon = daemonOf(globals, instances, findings)
  return {
    daemons: daemon === null ? [] : [daemon],
    timeouts: timeoutsOf(globals, findings),
    nic:
      (instance === undefined ? undefined : wordOf(instance, 'interface')) ??
      daemon?.daemon.interface ??
      null,
    bindsVips: instance === undefined,
  }
}

const OPTIONS: Partial<Record<string, string>> = {
  lvs_flush: 'write `otherServices: remove` to take away what nobody configured',
  lvs_flush_on_stop: 'what rs-agent made goes with `rs-agent director remove`',
  nftables_ipvs:
    'keepalived gives each group one firewall mark: see that a packet filter marks the packets, or leave the addresses',
  smtp_alert_checker: 'send mail from what `rs-agent director status --json` says',
  lvs_notify_fifo: 'read `rs-agent director status --json` instead',
  net_namespace_ipvs: 'start rs-agent in that network namespace',
}

function tellOption({ words, at }: Statement, findings: Findings): void {
  const [name = ''] = words
  const hint = OPTIONS[name]
  if (hint !== undefined) warn(findings, at, `keepalived-${name}`, `${words.join(' ')} has no equal`, hint)
}

const wordOf = ({ block }: Statement, name: string): string | undefined =>
  block?.find(({ words }) => words[0] === name)?.words[1]

function timeoutsOf(globals: readonly Statement[], findings: Findings): Partial<IpvsTimeouts> {
  const fields = { tcp: 'tcpSeconds', tcpfin: 'tcpFinSeconds', udp: 'udpSeconds' } as const
  const timeouts: Partial<IpvsTimeouts> = {}
  for (const { words, at } of globals.filter(({ words }) => words[0] === 'lvs_timeouts'))
    for (let index = 1; index < words.length; index += 2) {
      const field = fields[words[index] as keyof typeof fields]
      const seconds = parseNumber(words[index + 1] ?? '', 0, MAX_TIMEOUT_SECONDS)
      if (field === undefined)
        refuse(findings, at, `lvs_timeouts has tcp, tcpfin and udp, not ${words[index]}`)
      else if (seconds === null)
        refuse(findings, at, `lvs_timeouts ${words[index]} needs seconds, at most 31 days`)
      // 0 leaves it as it is.
      else if (seconds > 0) timeouts[field] = seconds
    }
  return timeouts
}

/** `lvs_sync_daemon NIC [inst] INSTANCE [id] ID [maxlen N] [port N] [ttl N] [group ADDRESS]` */
function daemonOf(
  globals: readonly Statement[],
  instances: readonly Statement[],
  findings: Findings,
): ImportedDaemon | null {
  const statement = globals.find(({ words }) => words[0] === 'lvs_sync_daemon')
  if (statement === undefined) return null
  const { words, at } = statement
  const [, nic = '', ...rest] = words
  const told = new Map<string, string>()
  for (let index = 0; index < rest.length; index++) {
    const word = rest[index] as string
    if (['inst', 'id', 'maxlen', 'port', 'ttl', 'group'].includes(word)) {
      told.set(word, rest[index + 1] ?? '')
      index++
    } else if (index <= 1) told.set(index === 0 ? 'inst' : 'id', word)
    else refuse(findings, at, `lvs_sync_daemon has no ${word}`)
  }
  const instance = instances.find(({ words }) => words[1] === told.get('inst'))
  const role = instance !== undefined && wordOf(instance, 'state') === 'BACKUP' ? 'backup' : 'master'
  warn(
    findings,
    at,
    'sync-daemon-of-vrrp',
    `keepalived changes the role of the sync daemon with VRRP; ${role} is written`,
    'write the role that this host has most of the time, or leave the daemon to keepalived',
  )
  const number = (name: string, min: number, max: number): number | undefined => {
    const text = told.get(name)
    if (text === undefined) return undefined
    const parsed = parseNumber(text, min, max)
    if (parsed === null)
      refuse(findings, at, `lvs_sync_daemon ${name} is from ${min} to ${max}, not ${JSON.stringify(text)}`)
    return parsed ?? min
  }
  const vrid = Number(instance === undefined ? Number.NaN : wordOf(instance, 'virtual_router_id'))
  const [maxLength, port, ttl] = [
    number('maxlen', 1, 65_507),
    number('port', 1, 65_535),
    number('ttl', 1, 255),
  ]
  const group = told.has('group') ? parseIpAddress(told.get('group') ?? '') : undefined
  if (group === null || (group !== undefined && !isMulticast(group)))
    refuse(findings, at, `lvs_sync_daemon group needs a multicast address, not ${told.get('group')}`)
  const daemon: SyncDaemon = {
    role,
    interface: nic,
    syncId: number('id', 0, 255) ?? (Number.isNaN(vrid) ? 0 : vrid),
    ...(maxLength === undefined ? {} : { maxLength }),
    ...(port === undefined ? {} : { port }),
    ...(ttl === undefined ? {} : { ttl }),
    ...(group === undefined || group === null ? {} : { group }),
  }
  const why = whyNotDaemon(daemon)
  if (why !== null) refuse(findings, at, why)
  return { at, daemon }
}
