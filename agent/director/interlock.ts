import { AgentError } from '../errors.ts'
import type { Host } from '../host/host.ts'
import type { IpAddress } from '../model/address.ts'
import type { Interlock } from '../reconcile/execute.ts'
import type { Change } from '../reconcile/setting.ts'
import { refuseTaken } from './taking.ts'

/**
 * The last word on order, asked of the kernel and of the segment before each group of steps: no VIP is bound before
 * the table has a service for it, because clients that came by would be refused by this host itself, and none that
 * another host has.
 */
export function directorInterlock(vips: readonly IpAddress[]): Interlock {
  return async (host, steps) => {
    const bound = steps.map(step => step.change).filter(change => binds(change, vips))
    if (bound.length === 0) return
    await refuseUnserved(host, bound)
    const [links, addresses] = [await host.network.links(), await host.network.addresses()]
    for (const nic of links) {
      const onNic = bound.filter(({ id }) => id.link === nic.name).map(({ id }) => id.address)
      await refuseTaken(nic, onNic, { links, addresses })
    }
  }
}

async function refuseUnserved(host: Host, bound: readonly AddressChange[]): Promise<void> {
  const keys = (await (await host.ipvs())?.services())?.map(({ key }) => key) ?? []
  // A firewall mark does not tell its addresses.
  const isServed = ({ id }: AddressChange): boolean =>
    keys.some(key => key.kind === 'firewallMark' || key.address === id.address)
  const early = bound.find(change => !isServed(change))
  if (early !== undefined)
    throw new AgentError(
      'failed',
      `${early.id.address} would be bound while the kernel's table has no service for it`,
      'the step would turn clients away, so it was not made',
    )
}

type AddressChange = Change & { kind: 'address' }

function binds(change: Change, vips: readonly IpAddress[]): change is AddressChange {
  return change.kind === 'address' && change.after !== null && vips.includes(change.id.address)
}
