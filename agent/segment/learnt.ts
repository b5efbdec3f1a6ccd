import type { Host } from '../host/host.ts'
import { isRefused } from '../host/netlink/rejection.ts'
import { familyOf, type IpAddress } from '../model/address.ts'
import type { Link, Neighbour } from '../model/network.ts'

/** What this host knew of the segment before anybody was asked. */
export interface Memory {
  nic: Link
  host: Pick<Host, 'network' | 'sysctl'>
  neighbours: readonly Neighbour[]
}

/** With arp_accept the kernel notes everybody who answers, whoever asked: what was not known before goes again. */
export async function forgetLearnt(
  answered: readonly IpAddress[],
  { nic, host, neighbours }: Memory,
): Promise<void> {
  const accepts = ['all', nic.name].some(
    scope => (host.sysctl.read(`net/ipv4/conf/${scope}/arp_accept`) ?? '0') !== '0',
  )
  const isKnown = (address: IpAddress): boolean =>
    neighbours.some(entry => entry.link === nic.name && entry.address === address && !entry.proxy)
  const learnt = answered.filter(address => accepts && familyOf(address) === 4 && !isKnown(address))
  for (const address of new Set(learnt))
    await host.network.forgetNeighbour(address, nic.index).catch(error => {
      // Without CAP_NET_ADMIN it goes when the kernel tidies up.
      if (!isRefused(error, 'EPERM')) throw error
    })
}
