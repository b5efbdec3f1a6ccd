import { familyOf, type IpAddress } from '../model/address.ts'
import type { ArpAlarm } from './rotation-report.ts'
import type { RunEvent } from './run-events.ts'

/** What one question about a VIP has found; what nobody knows is not among it, and is no alarm. */
export type Heard =
  | {
      asked: 'alone'
      vip: IpAddress
      /** RIP. */
      address: IpAddress
      /** Null: it is silent, and there. */
      mac: string | null
    }
  | { asked: 'with everybody'; vip: IpAddress; claims: { mac: string; address: IpAddress | null }[] }

export interface Alarms {
  alarms: ArpAlarm[]
  events: RunEvent[]
}

/** The alarms after one more question. Each is told once, and once more when it is quiet again. `at` is ISO 8601. */
export function afterHearing(alarms: readonly ArpAlarm[], heard: Heard, at: string): Alarms {
  const { vip } = heard
  const claims =
    heard.asked === 'with everybody'
      ? heard.claims
      : heard.mac === null
        ? []
        : [{ mac: heard.mac, address: heard.address }]
  const isOf = (claim: { mac: string }) => (alarm: ArpAlarm) => alarm.vip === vip && alarm.mac === claim.mac
  // The answer of one that is asked alone does not make another silent, nor the other way round.
  const isSilent = (alarm: ArpAlarm): boolean =>
    alarm.vip === vip &&
    alarm.asked === heard.asked &&
    (heard.asked === 'with everybody' || alarm.address === heard.address) &&
    !claims.some(({ mac }) => mac === alarm.mac)
  const known = alarms
    .filter(alarm => !isSilent(alarm))
    .map(alarm => {
      const claim = claims.find(({ mac }) => isOf({ mac })(alarm))
      if (claim === undefined) return alarm
      // A stranger that turns out to be a real server has its name from then on.
      return heard.asked === 'alone'
        ? { ...alarm, address: claim.address, asked: heard.asked, heardAt: at }
        : { ...alarm, heardAt: at }
    })
  const raised = claims
    .filter(claim => !alarms.some(isOf(claim)))
    .map((claim): ArpAlarm => ({ vip, ...claim, asked: heard.asked, since: at, heardAt: at }))
  return {
    alarms: [...known, ...raised],
    events: [...alarms.filter(isSilent).map(alarm => quiet(alarm)), ...raised.map(loud)],
  }
}

/** Without those about whom nobody asks any more, by the configuration or because the VIP is elsewhere, rightly. */
export function stillAsked(alarms: readonly ArpAlarm[], isAsked: (alarm: ArpAlarm) => boolean): Alarms {
  const left = alarms.filter(alarm => !isAsked(alarm))
  const message = 'not asked any more who has it'
  return {
    alarms: alarms.filter(isAsked),
    events: left.map(alarm => ({ level: 'info', subject: subjectOf(alarm), message })),
  }
}

/** `it answers ARP for 10.10.10.100 with 02:00:00:00:02:00`. */
export function claimText({ vip, mac }: Pick<ArpAlarm, 'vip' | 'mac'>): string {
  return `answers ${familyOf(vip) === 4 ? 'ARP' : 'NDP'} for ${vip} with ${mac}`
}

/** What to do about it. */
export function hintOf({ vip, address, asked }: Pick<ArpAlarm, 'vip' | 'address' | 'asked'>): string {
  return asked === 'alone'
    ? `on ${address}: rs-agent apply, or rs-agent verify to see why`
    : `rs-agent probe ${vip} says who it is`
}

function loud(alarm: ArpAlarm): RunEvent {
  const who = alarm.asked === 'alone' ? 'this real server' : 'a host that is not asked alone'
  const message = `ALARM: ${who} ${claimText(alarm)}, and takes the site when a client or router asks; ${hintOf(alarm)}`
  return { level: 'warning', subject: subjectOf(alarm), message }
}

function quiet(alarm: ArpAlarm): RunEvent {
  const message = `quiet again: ${alarm.mac} does not answer for ${alarm.vip} any more; it did since ${alarm.since}`
  return { level: 'info', subject: subjectOf(alarm), message }
}

function subjectOf({ vip, address, mac }: ArpAlarm): string {
  return `${vip} on ${address ?? mac}`
}
