import { hostPrefixLength } from '../../model/address.ts'
import { effectiveValue } from '../../model/arp.ts'
import type { FoundHost } from '../../reconcile/found.ts'
import type { WantedDirector } from '../desired.ts'
import { isAsWanted } from '../sync-daemon.ts'
import { copiesOf } from '../vip-on-nic.ts'
import type { CheckId, CheckResult } from './check.ts'

/** What an observation of the host is enough for. */

export function checkVipOnNic({ nic, vips, bindsVips }: WantedDirector, found: FoundHost): CheckResult[] {
  const link = found.links.find(({ name }) => name === nic)
  return vips.map(({ address }) => {
    const say = (verdict: CheckResult['verdict'], evidence: string, hint = ''): CheckResult => ({
      id: 'vip-on-nic',
      subject: address,
      verdict,
      evidence,
      hint,
    })
    const copies = copiesOf(address, found)
    const here = copies.find(copy => copy.link === nic)
    const elsewhere = copies.find(copy => copy.link !== nic)
    if (elsewhere !== undefined)
      return say(
        'fail',
        `it is on ${elsewhere.link} as /${elsewhere.prefixLength}`,
        `ip address del ${address}/${elsewhere.prefixLength} dev ${elsewhere.link}`,
      )
    if (here === undefined && !bindsVips)
      return say('skipped', 'bindVips is false, and another director has it now')
    if (here === undefined) return say('fail', `it is not on ${nic}`, 'rs-agent director apply')
    if (here.duplicate === true)
      return say('fail', 'another host has it: the kernel found a duplicate', `rs-agent probe ${address}`)
    if (link?.up !== true || !link.carrier)
      return say(
        'fail',
        `${nic} ${link?.up === true ? 'has no carrier' : 'is down'}`,
        `ip link set ${nic} up`,
      )
    const isAlone = here.prefixLength === hostPrefixLength(address)
    return say('pass', `on ${nic} as /${here.prefixLength}${isAlone ? '' : ', with its subnet'}`)
  })
}

export function checkSendRedirects({ nic }: WantedDirector, { sysctls }: FoundHost): CheckResult[] {
  const [all, own] = ['all', nic].map(scope => sysctls[`net/ipv4/conf/${scope}/send_redirects`])
  const evidence = `all=${all ?? '?'}, ${nic}=${own ?? '?'}`
  const verdict =
    all === undefined || own === undefined ? 'unknown' : all === '0' && own === '0' ? 'pass' : 'fail'
  return [settled('send-redirects', nic, verdict, evidence)]
}

export function checkArpAnnounce({ nic }: WantedDirector, { sysctls }: FoundHost): CheckResult[] {
  const [all, own] = ['all', nic].map(scope => sysctls[`net/ipv4/conf/${scope}/arp_announce`])
  if (all === undefined || own === undefined)
    return [settled('arp-announce', nic, 'unknown', 'the kernel does not tell')]
  const effective = effectiveValue(Number(all), Number(own))
  return [
    settled(
      'arp-announce',
      nic,
      effective === 2 ? 'pass' : 'fail',
      `effective ${effective} = max(all=${all}, ${nic}=${own})`,
    ),
  ]
}

export function checkSyncDaemon({ syncDaemon }: WantedDirector, { ipvs }: FoundHost): CheckResult[] {
  if (syncDaemon === null) return []
  const { role, ...form } = syncDaemon
  const running = ipvs?.daemons.find(daemon => daemon.role === role)
  if (running === undefined) return [settled('sync-daemon', role, 'fail', 'it does not run')]
  const text = `runs on ${running.interface} with id ${running.syncId}`
  return [settled('sync-daemon', role, isAsWanted(form, running) ? 'pass' : 'fail', text)]
}

function settled(
  id: CheckId,
  subject: string,
  verdict: CheckResult['verdict'],
  evidence: string,
): CheckResult {
  return { id, subject, verdict, evidence, hint: verdict === 'pass' ? '' : 'rs-agent director apply' }
}
