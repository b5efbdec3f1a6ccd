import { AgentError } from '../errors.ts'
import type { Host } from '../host/host.ts'
import { familyOf, type IpAddress } from '../model/address.ts'
import { ARP_SYSCTLS, isQuiet } from '../model/arp.ts'
import type { Interlock } from '../reconcile/execute.ts'
import type { Change } from '../reconcile/setting.ts'
import { arpSysctlPaths, findAudible } from './arp-sysctl.ts'
import { LOOPBACK } from './vip-address.ts'

/**
 * The last word on safety, asked of the kernel itself before each group of steps: no VIP is bound while a
 * NIC is audible, none to anything but lo, and no NIC becomes audible while a VIP is bound. It holds for
 * undo and recovery as well, whatever they believe.
 */
export function vipInterlock(vips: readonly IpAddress[]): Interlock {
  const all = new Set(vips)
  const guarded = new Set(vips.filter(vip => familyOf(vip) === 4))
  return async (host, steps) => {
    const changes = steps.map(step => step.change)
    for (const change of changes)
      if (binds(change, all) && change.id.link !== LOOPBACK)
        throw unsafe(`${change.id.address} would be bound to ${change.id.link}, where it answers ARP`)
    if (changes.some(change => binds(change, guarded))) {
      const audible = await whatIsAudible(host, [])
      if (audible !== null) throw unsafe(audible)
    }
    if (changes.some(makesLouder)) await refuseWhileBound(host, guarded, changes)
  }
}

function binds(change: Change, vips: ReadonlySet<IpAddress>): change is Change & { kind: 'address' } {
  return change.kind === 'address' && change.after !== null && vips.has(change.id.address)
}

function makesLouder(change: Change): boolean {
  if (change.kind !== 'sysctl' || change.after === null) return false
  const sysctl = ARP_SYSCTLS.find(name => change.id.path.endsWith(`/${name}`))
  return sysctl !== undefined && !isQuiet(sysctl, Number(change.after))
}

/** In words, the first NIC that would answer or announce once the changes are made; null when all are quiet. */
async function whatIsAudible(host: Host, changes: readonly Change[]): Promise<string | null> {
  const links = await host.network.links()
  const sysctls: Record<string, string> = {}
  for (const path of arpSysctlPaths(links)) {
    const value = host.sysctl.read(path)
    if (value !== null) sysctls[path] = value
  }
  for (const change of changes)
    if (change.kind === 'sysctl' && change.after !== null) sysctls[change.id.path] = change.after
  return findAudible(links, sysctls)
}

async function refuseWhileBound(
  host: Host,
  guarded: ReadonlySet<IpAddress>,
  changes: readonly Change[],
): Promise<void> {
  const bound = (await host.network.addresses()).find(({ address }) => guarded.has(address))
  if (bound === undefined) return
  const audible = await whatIsAudible(host, changes)
  if (audible !== null) throw unsafe(`with ${bound.address} bound to ${bound.link}, ${audible}`)
}

function unsafe(message: string): AgentError {
  return new AgentError('failed', message, 'the step would make the VIP audible, so it was not made')
}
