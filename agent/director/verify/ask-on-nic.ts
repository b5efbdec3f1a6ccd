import { NoVantage } from '../../host/vantage/injection.ts'
import { isUnplugged, type Link, whyUnplugged } from '../../model/network.ts'
import type { FoundHost } from '../../reconcile/found.ts'
import type { WantedDirector } from '../desired.ts'
import type { CheckResult } from './check.ts'

/** A NIC on which nobody can be asked, and what to do about it. */
export interface Deaf {
  why: string
  hint: string
}

export function nicOf(
  { nic: name }: Pick<WantedDirector, 'nic'>,
  { links }: Pick<FoundHost, 'links'>,
): Link | Deaf {
  const nic = links.find(link => link.name === name)
  if (nic === undefined) return { why: `there is no ${name}`, hint: 'ip link' }
  if (!isUnplugged(nic)) return nic
  return { why: whyUnplugged(nic), hint: nic.up ? 'plug it in' : `ip link set ${name} up` }
}

export type Say = (verdict: CheckResult['verdict'], evidence: string, hint?: string) => CheckResult

export function sayerOf(id: CheckResult['id'], subject: string): Say {
  return (verdict, evidence, hint = '') => ({ id, subject, verdict, evidence, hint })
}

/** What is found by asking on the NIC; unknown where nothing can be asked. */
export async function askOn(
  nic: Link | Deaf,
  say: Say,
  ask: (nic: Link) => Promise<CheckResult>,
): Promise<CheckResult> {
  if ('why' in nic) return say('unknown', nic.why, nic.hint)
  try {
    return await ask(nic)
  } catch (error) {
    if (!(error instanceof NoVantage)) throw error
    return say('unknown', error.message, hintOf(error, nic))
  }
}

function hintOf({ obstacle }: NoVantage, { name }: Link): string {
  return obstacle === 'missing-capability' ? 'needs CAP_NET_RAW: run as root' : `ip link show ${name}`
}
