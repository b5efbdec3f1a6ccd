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
  readonly #ip: readonly string[]

  static async start(host: Host, service: VirtualService): Promise<DirectorStandIn> {
    const ip = service.vip.includes(':') ? ['ip', '-6'] : ['ip']
    const standIn = new DirectorStandIn(host, ip)
    await standIn.#forward(service)
    return standIn
  }

  private constructor(host: Host, ip: readonly string[]) {
    this.#host = host
    this.#ip = ip
  }

  async #forward({ vip, port }: VirtualService): Promise<void> {
    const isIpv6 = vip.includes(':')
    await this.#host.namespace.writeSysctl(`ipv${isIpv6 ? 6 : 4}/conf/all/forwarding`, 1)
    // One-armed forwarding: without this the director tells clients to go to the real server themselves.
    await this.#host.namespace.writeSysctl(
      ['ipv4/conf/all/send_redirects', 'ipv4/conf/eth0/send_redirects'],
      0,
    )
    await this.#run(
      // The rule for local addresses goes behind ours, in this order: never without it.
      'rule add pref 100 lookup local',
      'rule del pref 0',
      `rule add pref 50 iif eth0 to ${vip} ipproto tcp dport ${port} lookup ${table}`,
      `addr add ${vip}/${isIpv6 ? 128 : 32} dev eth0`,
    )
  }

  /** Every packet from now on goes to this real server, also those of connections to another one. */
  async forwardTo(realServer: { address: string }): Promise<void> {
    await this.#run(`route replace default via ${realServer.address} dev eth0 onlink table ${table}`)
  }

  async #run(...commands: string[]): Promise<void> {
    const [program = '', ...options] = this.#ip
    await this.#host.run(program, [...options, '-batch', '-'], { input: `${commands.join('\n')}\n` })
  }
}

const table = 200
