import type { Alarm, KeepReport } from '../../realserver/keep/report.ts'
import { counter, type Family, gauge, single } from './family.ts'

const VERDICTS = ['pass', 'fail', 'unknown', 'skipped'] as const
const ALARMS = ['own-claim', 'foreign-claim', 'audible', 'blind'] satisfies Alarm['kind'][]

/** Of a host that is kept a real server; `now` in milliseconds since the epoch. */
export function realServerFamilies(report: KeepReport, now: number): Family[] {
  return [
    ...stateFamilies(report),
    ...checkFamilies(report, now),
    ...repairFamilies(report),
    ...alarmFamilies(report),
  ]
}

function stateFamilies({ vips, nics, drain, withdrawn }: KeepReport): Family[] {
  return [
    gauge(
      'rs_agent_vip_bound',
      'Whether the VIP is bound to lo.',
      vips.map(({ address, bound }) => ({ labels: { vip: address }, value: Number(bound) })),
    ),
    gauge(
      'rs_agent_nic_silent',
      'Whether the NIC keeps silent when ARP asks for the VIP.',
      nics.map(({ name, silent }) => ({ labels: { nic: name }, value: Number(silent) })),
    ),
    gauge(
      'rs_agent_drained',
      'Whether an administrator has taken this host out of rotation.',
      single(Number(drain !== 'in rotation')),
    ),
    gauge(
      'rs_agent_vips_withdrawn',
      'Whether the VIPs are unbound though they are configured.',
      single(Number(withdrawn !== null)),
    ),
  ]
}

function checkFamilies({ checks, checkedAt }: KeepReport, now: number): Family[] {
  return [
    gauge(
      'rs_agent_check_verdict',
      'The verdict of each check: 1 for the one that it has, 0 for the others.',
      checks.flatMap(({ id, subject, verdict }) =>
        VERDICTS.map(each => ({
          labels: { check: id, subject, verdict: each },
          value: Number(each === verdict),
        })),
      ),
    ),
    gauge(
      'rs_agent_check_age_seconds',
      'Time since the last look at everything ended, in seconds.',
      checkedAt === null ? [] : single((now - Date.parse(checkedAt)) / 1000),
    ),
  ]
}

function repairFamilies({ repairs }: KeepReport): Family[] {
  const latest = repairs.toSorted((left, right) => Date.parse(left.lastAt) - Date.parse(right.lastAt))
  return [
    counter(
      'rs_agent_repairs_total',
      'Settings that somebody had changed and that were put right.',
      repairs.map(({ resource, count }) => ({ labels: { resource }, value: count })),
    ),
    gauge(
      'rs_agent_repair_duration_seconds',
      'Time from hearing of a change to the end of its repair, the last time, in seconds.',
      // Of one resource the latest is set last, and stays.
      latest.map(({ resource, tookMs }) => ({ labels: { resource }, value: tookMs / 1000 })),
    ),
    gauge(
      'rs_agent_repairs_held_back',
      'Settings that are left alone for now, because something undoes their repair again and again.',
      single(repairs.filter(({ heldBackUntil }) => heldBackUntil !== null).length),
    ),
  ]
}

function alarmFamilies({ alarms }: KeepReport): Family[] {
  return [
    gauge(
      'rs_agent_alarms',
      'Things that must never happen, and did.',
      ALARMS.map(kind => ({ labels: { kind }, value: alarms.filter(alarm => alarm.kind === kind).length })),
    ),
    counter(
      'rs_agent_arp_claims_total',
      'ARP frames that claimed a VIP: sent by this host (own), or by another that is no director (foreign).',
      // By kind and VIP alone: whoever claims it may have as many MACs as it likes.
      alarms.flatMap(({ kind, vip, count }) => {
        if (vip === null || (kind !== 'own-claim' && kind !== 'foreign-claim')) return []
        return [{ labels: { kind: kind === 'own-claim' ? 'own' : 'foreign', vip }, value: count }]
      }),
    ),
  ]
}
