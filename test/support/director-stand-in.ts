import type { Host } from './host.ts'

export interface VirtualService {
  vip: string
  /** TCP. */
  port: number
}

export interface RealServer {
  name: string
  /** RIP. */
  address: string
}

/**
 * Does what IPVS direct routing does, on kernels without IPVS: a packet for VIP:port leaves by the NIC it came
 * in, to the MAC of one real server, with VIP and client address untouched. There is no scheduler: the test
 * chooses. Clients find it by ARP, as they find a director.
 */
export class DirectorStandIn {
  readonly #host: Host
  readonly #service: VirtualService

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
    return new DirectorStandIn(host, service)
  }

  private constructor(host: Host, service: VirtualService) {
    this.#host = host
    this.#service = service
  }

  /** Every packet from now on goes to this real server, also those of connections to another one. */
  async forwardTo(realServer: RealServer): Promise<void> {
    await this.#host.namespace.ip(
      `route replace default via ${realServer.address} dev eth0 onlink table ${table}`,
    )
  }

  /** Takes the VIP off, so that nobody owns it. */
  async dropVip(): Promise<void> {
    await this.#host.namespace.ip(`addr del ${this.#service.vip}/32 dev eth0`)
  }
}

const table = 200
