import { setTimeout as sleep } from 'node:timers/promises'
import { Host, type Identity } from './host.ts'
import { Namespace } from './namespace.ts'

export interface HostOptions {
  /** The name of the first NIC, `eth0` unless told; it may hold a dot. */
  nic?: string
  /** Default route, an address of the segment. */
  gateway?: string
  /** Whether the NIC gets the address here, or from what will run on the host, as on a real machine; here unless told. */
  addressing?: 'by the segment' | 'by the host'
}

/** One Ethernet segment: a bridge in a namespace of its own, and hosts with a cable to it. */
export class Segment implements AsyncDisposable {
  readonly switch: Namespace
  readonly hosts: Host[] = []
  readonly #numbers = new Set<number>()

  static async build(): Promise<Segment> {
    const namespace = await Namespace.open()
    // Without an address of its own, which it would tell its neighbours of; up only then, as the order of one
    // command is another. forward_delay 0: a port forwards as soon as it is up; without snooping no frame is held back.
    await namespace.ip(
      'link add name br0 type bridge forward_delay 0 mcast_snooping 0',
      'link set br0 addrgenmode none',
      'link set br0 up',
    )
    return new Segment(namespace)
  }

  private constructor(namespace: Namespace) {
    this.switch = namespace
  }

  /** `address` with its prefix length, like `10.10.10.12/24`. */
  async addHost(name: string, address: string, options: HostOptions = {}): Promise<Host> {
    return this.#boot({ name, address, number: this.#takeNumber() }, options)
  }

  /** Gives a host one more NIC on this segment. */
  async plugIn(host: Host, nic: string, address?: string): Promise<void> {
    const { mac, port } = host.addNic(nic)
    await this.switch.ip(
      `link add name ${port} type veth peer name ${nic} address ${mac} netns ${host.namespace.pid}`,
      `link set ${port} addrgenmode none master br0`,
      `link set ${port} up`,
    )
    const addressing = address === undefined ? [] : [`addr add ${address} dev ${nic}`]
    await host.namespace.ip(...addressing, `link set ${nic} up`)
    // A busy kernel takes a moment to find the carrier, and gives the NIC its link-local address only then.
    while (!(await host.run('ip', ['-br', 'link', 'show', nic])).includes(' UP ')) await sleep(5)
  }

  /** Ends a host for good. The next one takes its number, and so its MAC: nobody's ARP table is out of date. */
  async removeHost(host: Host): Promise<void> {
    await this.switchOff(host)
    this.#numbers.delete(host.number)
  }

  /** Ends a host that is to come back: its number remains its own. */
  async switchOff(host: Host): Promise<void> {
    // First the cables: the kernel removes a namespace, and what is in it, when it finds the time to.
    const ports = host.nics.map(({ port }) => `link del ${port}\n`).join('')
    await this.switch.spawn('ip', ['-force', '-batch', '-'], { input: ports })
    await host[Symbol.asyncDispose]()
    this.hosts.splice(this.hosts.indexOf(host), 1)
  }

  /** A host that was switched off, with a network as kernels start with, and the MAC that it had. */
  switchOn({ name, number }: Host, address: string, options: HostOptions = {}): Promise<Host> {
    return this.#boot({ name, address, number }, options)
  }

  async #boot(identity: Identity, options: HostOptions): Promise<Host> {
    const host = await Host.boot(identity)
    this.hosts.push(host)
    const address = options.addressing === 'by the host' ? undefined : identity.address
    await this.plugIn(host, options.nic ?? 'eth0', address)
    if (options.gateway) await host.namespace.ip(`route add default via ${options.gateway}`)
    return host
  }

  #takeNumber(): number {
    let number = 1
    while (this.#numbers.has(number)) number++
    this.#numbers.add(number)
    return number
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.hosts, this.switch].map(each => each[Symbol.asyncDispose]()))
  }
}
