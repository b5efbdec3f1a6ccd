import type { Host } from './host.ts'
import { IPV4, type Neighbourhood } from './neighbourhood.ts'

/** Ways to connect a real server, all of which work. */

const { server, gateway } = IPV4
const withPrefix = `${server}/24`

export async function withTwoNicsOnTheSegment({ segment }: Neighbourhood): Promise<Host> {
  const host = await segment.addHost('rs', withPrefix, { gateway })
  await segment.plugIn(host, 'eth1', '10.10.10.22/24')
  return host
}
