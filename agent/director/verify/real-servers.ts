import { familyOf, type IpAddress, isInSubnet } from '../../model/address.ts'
import type { Forwarding, ServiceKey } from '../../model/ipvs.ts'
import type { Link } from '../../model/network.ts'
import type { FoundHost } from '../../reconcile/found.ts'
import type { WantedDirector } from '../desired.ts'

/** A real server as one of the services uses it. */
export interface Member {
  vip: IpAddress
  /** RIP. */
  address: IpAddress
  port: number
  key: ServiceKey & { kind: 'address' }
  method: Forwarding['method']
}

/** All that are configured, in rotation or not, of the services that have an address: a firewall mark does not tell which ones clients use. */
export function membersOf({ pools }: Pick<WantedDirector, 'pools'>): Member[] {
  return pools.flatMap(({ service: { key }, candidates }) =>
    key.kind === 'firewallMark'
      ? []
      : candidates.map(({ destination: { address, port, forwarding } }) => ({
          vip: key.address,
          address,
          port,
          key,
          method: forwarding.method,
        })),
  )
}

/** The director serves itself: the kernel delivers here, and nothing is sent. */
export function isThisHost(address: IpAddress, { addresses }: Pick<FoundHost, 'addresses'>): boolean {
  return addresses.some(own => own.address === address) || address.startsWith('127.') || address === '::1'
}

/** The address of this host (DIP) in whose subnet the real server is; direct routing needs one. */
export function neighbourAddress(
  { name }: Link,
  address: IpAddress,
  vips: readonly IpAddress[],
  { addresses }: Pick<FoundHost, 'addresses'>,
): IpAddress | undefined {
  return addresses.find(
    own =>
      own.link === name &&
      familyOf(own.address) === familyOf(address) &&
      !vips.includes(own.address) &&
      isInSubnet(address, own.address, own.prefixLength),
  )?.address
}

/** Runs the work for each, some at a time: each opens sockets of its own. */
export async function each<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = []
  const queue = items.entries()
  const worker = async (): Promise<void> => {
    for (const [index, item] of queue) results[index] = await work(item)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return results
}

const AT_ONCE = 32
