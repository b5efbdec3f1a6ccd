import { DirectorStandIn } from './director-stand-in.ts'
import type { Host } from './host.ts'
import { Segment } from './segment.ts'
import { Witness } from './witness.ts'

/** The addresses of one family on the segment. */
export interface Addressing {
  prefixLength: number
  hostPrefixLength: number
  gateway: string
  director: string
  /** The real server under test (RIP). */
  server: string
  sibling: string
  vip: string
  /** Somewhere behind the gateway; in no network for documentation, which a host may rightly refuse. */
  client: string
}

export const IPV4 = {
  prefixLength: 24,
  hostPrefixLength: 32,
  gateway: '10.10.10.1',
  director: '10.10.10.11',
  server: '10.10.10.12',
  sibling: '10.10.10.13',
  vip: '10.10.10.100',
  client: '172.31.7.10',
} as const satisfies Addressing

export const IPV6 = {
  prefixLength: 64,
  hostPrefixLength: 128,
  gateway: '2001:db8:10::1',
  director: '2001:db8:10::11',
  server: '2001:db8:10::12',
  sibling: '2001:db8:10::13',
  vip: '2001:db8:10::100',
  client: 'fd00:99::10',
} as const satisfies Addressing

/** A segment with everybody on it that a real server deals with, and all of them healthy. */
export class Neighbourhood implements AsyncDisposable {
  readonly segment: Segment
  readonly gateway: Host
  readonly director: Host
  readonly sibling: Host
  readonly witness: Witness
  /** Of IPv4. */
  readonly standIn: DirectorStandIn

  static async build(): Promise<Neighbourhood> {
    const segment = await Segment.build()
    const { gateway } = IPV4
    const hosts = await Promise.all([
      segment.addHost('gateway', `${gateway}/24`),
      segment.addHost('director', `${IPV4.director}/24`, { gateway }),
      segment.addHost('sibling', `${IPV4.sibling}/24`, { gateway }),
    ])
    await Promise.all(hosts.map(askNobodyAgain))
    await Promise.all([becomeGateway(hosts[0]), becomeRealServer(hosts[2])])
    const standIn = await becomeDirector(hosts[1], IPV4)
    await becomeDirector(hosts[1], IPV6)
    return new Neighbourhood(segment, hosts, standIn, await Witness.start(hosts[0]))
  }

  private constructor(
    segment: Segment,
    hosts: [Host, Host, Host],
    standIn: DirectorStandIn,
    witness: Witness,
  ) {
    this.segment = segment
    ;[this.gateway, this.director, this.sibling] = hosts
    this.standIn = standIn
    this.witness = witness
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.segment[Symbol.asyncDispose]()
  }
}

/**
 * Without it everybody checks after 5 s whom it spoke to, and a host that is asked from a link-local address
 * learns that one: a change that is nobody's fault.
 */
async function askNobodyAgain({ namespace }: Host): Promise<void> {
  const paths = ['ipv4', 'ipv6'].map(family => `${family}/neigh/eth0/delay_first_probe_time`)
  await namespace.writeSysctl(paths, 3600)
}

/** The way out to the clients, which live on its lo. */
async function becomeGateway({ namespace }: Host): Promise<void> {
  await namespace.writeSysctl('ipv6/conf/eth0/accept_redirects', 0)
  await namespace.ip(
    `addr add ${IPV4.client}/32 dev lo`,
    `addr add ${IPV6.client}/128 dev lo`,
    `addr add ${IPV6.gateway}/64 dev eth0 nodad`,
  )
}

async function becomeDirector(host: Host, { vip, server, director, gateway }: Addressing) {
  if (vip.includes(':'))
    await host.namespace.ip(`addr add ${director}/64 dev eth0 nodad`, `route add default via ${gateway}`)
  const standIn = await DirectorStandIn.start(host, { vip, port: 80 })
  await standIn.forwardTo({ address: server })
  return standIn
}

async function becomeRealServer({ namespace }: Host): Promise<void> {
  await namespace.writeSysctl('ipv4/conf/all/arp_ignore', 1)
  await namespace.writeSysctl('ipv4/conf/all/arp_announce', 2)
  await namespace.ip(
    `addr add ${IPV6.sibling}/64 dev eth0 nodad`,
    `addr add ${IPV4.vip}/32 dev lo`,
    `addr add ${IPV6.vip}/128 dev lo`,
  )
}
