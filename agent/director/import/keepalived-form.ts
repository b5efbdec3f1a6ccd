import { familyOf, type IpAddress, parseIpAddress } from '../../model/address.ts'
import {
  SCHEDULERS,
  type SchedulerFlag,
  type ServiceKey,
  schedulerFlags,
  serviceFamily,
  type VirtualService,
} from '../../model/ipvs.ts'
import { MAX_TIMEOUT_SECONDS } from '../../model/ipvs-limits.ts'
import { type Findings, refuse, warn } from './imported.ts'
import { DEFAULT_PERSISTENCE_SECONDS } from './ipvsadm-rule.ts'
import type { Statement } from './keepalived-blocks.ts'
import type { Block } from './keepalived-words.ts'
import { parseNumber } from './numbers.ts'

export const FLAGS = ['flag-1', 'flag-2', 'flag-3', 'sh-port', 'sh-fallback', 'mh-port', 'mh-fallback']

/** How a virtual_server schedules and persists, with keepalived's defaults. */
export function virtualServiceOf(
  key: ServiceKey,
  block: Block,
  { at, words }: Statement,
  findings: Findings,
): VirtualService {
  const { last } = block
  const statement = last.get('lvs_sched') ?? last.get('lb_algo')
  const scheduler = statement?.words[1] ?? 'wlc'
  if (!SCHEDULERS.has(scheduler))
    refuse(findings, statement?.at ?? at, `IPVS has no scheduler ${JSON.stringify(scheduler)}`)
  const persistence = persistenceOf(key, block, findings)
  const isUdp = key.kind === 'firewallMark' || key.protocol === 'udp'
  const ops = last.get('ops')
  if (ops !== undefined && !isUdp)
    warn(
      findings,
      ops.at,
      'ops-without-udp',
      'keepalived leaves ops out for TCP and SCTP',
      'nothing is to be done',
    )
  if (persistence === null && key.kind === 'address' && key.port === 0)
    warn(
      findings,
      at,
      'persistence-by-default',
      'port 0 needs persistence: keepalived takes 360 s',
      'nothing is to be done',
    )
  const isForced = key.kind === 'address' && key.port === 0
  const kept = persistence ?? (isForced ? defaultPersistence(key) : null)
  // keepalived gives the granularity to the addresses of a group alone (ipvswrapper.c, ipvs_group_cmd).
  if (kept !== null && words[1] === 'group' && key.kind === 'firewallMark')
    kept.netmask = defaultPersistence(key).netmask
  return {
    key,
    scheduler,
    schedulerFlags: flagsOf(scheduler, block, findings),
    onePacket: ops !== undefined && isUdp,
    persistence: kept,
    persistenceEngine: kept === null ? null : (last.get('persistence_engine')?.words[1] ?? null),
  }
}

const defaultPersistence = (key: ServiceKey) => ({
  timeoutSeconds: DEFAULT_PERSISTENCE_SECONDS,
  netmask: serviceFamily(key) === 6 ? 128 : ('255.255.255.255' as IpAddress),
})

/** A granularity alone makes a service persistent too. */
function persistenceOf(key: ServiceKey, { last }: Block, findings: Findings): VirtualService['persistence'] {
  const timeout = last.get('persistence_timeout')
  const granularity = last.get('persistence_granularity')
  if (timeout === undefined && granularity === undefined) return null
  const persistence: NonNullable<VirtualService['persistence']> = defaultPersistence(key)
  if (timeout?.words[1] !== undefined) {
    const seconds = parseNumber(timeout.words[1], 1, MAX_TIMEOUT_SECONDS)
    if (seconds === null) refuse(findings, timeout.at, 'persistence_timeout is from 1 s to 31 days')
    else persistence.timeoutSeconds = seconds
  }
  if (granularity !== undefined) {
    const text = granularity.words[1] ?? ''
    const isIpv6 = serviceFamily(key) === 6
    const mask = isIpv6 ? parseNumber(text, 1, 128) : parseIpAddress(text)
    if (mask === null || (typeof mask === 'string' && familyOf(mask) === 6))
      refuse(
        findings,
        granularity.at,
        `persistence_granularity is ${isIpv6 ? 'a prefix length' : 'like 255.255.255.0'}, not ${JSON.stringify(text)}`,
      )
    else persistence.netmask = mask
  }
  return persistence
}

function flagsOf(scheduler: string, { last }: Block, findings: Findings): SchedulerFlag[] {
  const names = schedulerFlags(scheduler)
  for (const flag of FLAGS.slice(3)) {
    const statement = last.get(flag)
    if (statement !== undefined && !names.includes(flag as SchedulerFlag))
      warn(
        findings,
        statement.at,
        'foreign-scheduler-flag',
        `${flag} is not for the scheduler ${scheduler}: keepalived leaves it out`,
        'nothing is to be done',
      )
  }
  return names.filter((name, bit) => last.has(name) || last.has(FLAGS[bit] as string))
}
