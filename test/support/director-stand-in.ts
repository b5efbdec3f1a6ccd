import type { Host } from './host.ts'

export interface VirtualService {
  vip: string
  /** TCP. */
  port: number
}

/**
 * Does what IPVS direct routing does, on kernels without IPVS: a packet for VIP:port leaves by the NIC it came
 * in, to the MAC of one real server, with VIP and client address untouched. There is no scheduler: the test
 * chooses. Clients find it by ARP, as they find a director.
 */
export class DirectorStandIn {
  readonly #host: Host

  static async start(host: Host, service: VirtualService): Promise<DirectorStandIn> {
    await host.namespace.writeSysctl('ipv4/conf/all/forwarding', 1)
    // One-armed forwarding: without this the director tells clients to go to the real server themselves.
    await host.namespace.writeSysctl(['ipv4/conf/all/send_redirects', 'ipv4/conf/eth0/send_redirects'], 0)
    await host.namespace.ip(
      // The rule for local addresses goes behind ours, in this order: never without it.
      'rule add pref 100 lookup local',
      'rule del pref 0',
      `rule add pref 50 iif eth0 to ${service.vip} ipproto tcp dport ${service.port} lookup ${table}`,
      `addr add ${service.vip}/32 dev eth0`,
    )
    return new DirectorStandIn(host)
  }

  private constructor(host: Host) {
    this.#host = host
  }

  /** Every packet from now on goes to this real server, also those of connections to another one. */
  async forwardTo(realServer: { address: string }): Promise<void> {
    await this.#host.namespace.ip(
      `route replace default via ${realServer.address} dev eth0 onlink table ${table}`,
    )
  }
}

const table = 200
