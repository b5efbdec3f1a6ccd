import { existsSync } from 'node:fs'
import { Namespace, type Spawned, type SpawnOptions } from './namespace.ts'
import { type Snapshot, takeSnapshot } from './snapshot.ts'

export interface Nic {
  name: string
  mac: string
  /** The other end of the cable, a port of the segment's bridge: set it down to cut the cable. */
  port: string
}

export interface Identity {
  name: string
  /** With its prefix length. */
  address: string
  number: number
}

/** One machine: a network namespace with NICs. */
export class Host implements AsyncDisposable {
  readonly name: string
  /** Without the prefix length. */
  readonly address: string
  readonly namespace: Namespace
  readonly nics: Nic[] = []
  /** Which host of its segment: the MACs of its NICs come from it. */
  readonly number: number

  static async boot(identity: Identity): Promise<Host> {
    const namespace = await Namespace.open()
    await namespace.writeSysctl(sysctlsThatANewNamespaceInherits(), 0)
    await namespace.ip('link set lo up')
    return new Host(identity, namespace)
  }

  private constructor(identity: Identity, namespace: Namespace) {
    this.name = identity.name
    this.address = identity.address.replace(/\/.*/, '')
    this.number = identity.number
    this.namespace = namespace
  }

  /** The MAC of the first NIC. */
  get mac(): string {
    const [first] = this.nics
    if (!first) throw new Error(`${this.name} has no NIC yet`)
    return first.mac
  }

  run(command: string, args?: readonly string[], options?: SpawnOptions): Promise<string> {
    return this.namespace.run(command, args, options)
  }

  spawn(command: string, args?: readonly string[], options?: SpawnOptions): Spawned {
    return this.namespace.spawn(command, args, options)
  }

  /** Names a NIC; the segment then makes it. */
  addNic(name: string): Nic {
    const index = this.nics.length
    const nic = { name, mac: macOf(this.number, index), port: `host${this.number}-nic${index}` }
    this.nics.push(nic)
    return nic
  }

  /** A macvlan NIC in bridge mode, on top of another NIC of this host. */
  async addMacvlan(name: string, parent: string, address?: string): Promise<void> {
    const { mac } = this.addNic(name)
    const addressing = address === undefined ? [] : [`addr add ${address} dev ${name}`]
    await this.namespace.ip(
      `link add link ${parent} name ${name} address ${mac} type macvlan mode bridge`,
      ...addressing,
      `link set ${name} up`,
    )
  }

  /** Puts the first NIC into a bridge of this host's own, which takes over MAC and address (given with prefix). */
  async moveAddressToBridge(bridge: string, address: string): Promise<void> {
    const [nic] = this.nics
    if (!nic) throw new Error(`${this.name} has no NIC to put into ${bridge}`)
    await this.namespace.ip(
      `link add name ${bridge} address ${nic.mac} type bridge forward_delay 0 mcast_snooping 0`,
      `addr del ${address} dev ${nic.name}`,
      `link set ${nic.name} master ${bridge}`,
      `addr add ${address} dev ${bridge}`,
      `link set ${bridge} up`,
    )
  }

  /** The kernel state that must be the same before and after. */
  snapshot(): Promise<Snapshot> {
    return takeSnapshot(this.namespace)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.namespace[Symbol.asyncDispose]()
  }
}

function macOf(host: number, nic: number): string {
  const octet = (value: number) => value.toString(16).padStart(2, '0')
  return `02:00:00:00:${octet(host)}:${octet(nic)}`
}

// A new namespace copies the IPv4 values of the machine it is made on (net.core.devconf_inherit_init_net), so
// that a container host would give other results than a laptop. Every host here starts from the kernel's zeros.
function sysctlsThatANewNamespaceInherits(): string[] {
  const names = ['forwarding', 'rp_filter', 'accept_local', 'proxy_arp']
  const arpNames = ['arp_ignore', 'arp_announce', 'arp_filter', 'arp_accept', 'arp_notify']
  const paths = ['all', 'default', 'lo'].flatMap(nic =>
    [...names, ...arpNames].map(name => `ipv4/conf/${nic}/${name}`),
  )
  return existsSync('/proc/sys/net/ipv6') ? [...paths, ...sysctlsThatDelayIpv6] : paths
}

// Duplicate address detection would leave an address tentative for a second, and change a snapshot meanwhile.
const sysctlsThatDelayIpv6 = ['ipv6/conf/default/accept_dad', 'ipv6/conf/default/router_solicitations']
