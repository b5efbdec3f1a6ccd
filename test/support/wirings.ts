import { setTimeout as sleep } from 'node:timers/promises'
import type { Host, Nic } from './host.ts'
import type { Namespace } from './namespace.ts'
import { IPV4, IPV6, type Neighbourhood } from './neighbourhood.ts'
import type { Segment } from './segment.ts'

/** Ways to connect a real server, all of which work. */

const { server, gateway, vip } = IPV4
const withPrefix = `${server}/24`

export async function withTwoNicsOnTheSegment({ segment }: Neighbourhood): Promise<Host> {
  const host = await segment.addHost('rs', withPrefix, { gateway })
  await segment.plugIn(host, 'eth1', '10.10.10.22/24')
  return host
}

/** A second NIC that nobody gave an address: its cable may lead anywhere, here to the segment. */
export async function withUnnumberedNic({ segment }: Neighbourhood): Promise<Host> {
  const host = await segment.addHost('rs', withPrefix, { gateway })
  await segment.plugIn(host, 'eth1', '10.10.10.22/24')
  await host.namespace.ip('addr flush dev eth1 scope global')
  return host
}

/** The management network of {@link withManagementNic}. */
export const MANAGEMENT = { nic: 'eth1', address: '10.20.0.12', gateway: '10.20.0.1' } as const

/** A second NIC on a network of its own, which has the default route and leads to no client. */
export async function withManagementNic({ segment }: Neighbourhood): Promise<Host> {
  const host = await segment.addHost('rs', withPrefix)
  const { name, mac, port } = host.addNic(MANAGEMENT.nic)
  await segment.switch.ip(
    `link add name ${port} type veth peer name ${name} address ${mac} netns ${host.namespace.pid}`,
    `addr add ${MANAGEMENT.gateway}/24 dev ${port}`,
    `link set ${port} up`,
  )
  await host.namespace.ip(
    `addr add ${MANAGEMENT.address}/24 dev ${name}`,
    `link set ${name} up`,
    `route add default via ${MANAGEMENT.gateway}`,
  )
  return host
}

/** As above, and what comes from the VIP leaves by the segment's gateway, as it should. */
export async function withManagementNicAndPolicyRoute(neighbourhood: Neighbourhood): Promise<Host> {
  const host = await withManagementNic(neighbourhood)
  await host.namespace.ip(
    `rule add pref 500 from ${vip} lookup 500`,
    `route add default via ${gateway} dev eth0 table 500`,
  )
  return host
}

/** The same for answers from one port alone. */
export async function withManagementNicAndPortRule(neighbourhood: Neighbourhood): Promise<Host> {
  const host = await withManagementNic(neighbourhood)
  await host.namespace.ip(
    `rule add pref 500 from ${vip} ipproto tcp sport 80 lookup 500`,
    `route add default via ${gateway} dev eth0 table 500`,
  )
  return host
}

/** The clients are on the segment. */
export function withoutDefaultRoute({ segment }: Neighbourhood): Promise<Host> {
  return segment.addHost('rs', withPrefix)
}

/** With IPv6 beside IPv4. */
export async function withBothFamilies({ segment }: Neighbourhood): Promise<Host> {
  const host = await segment.addHost('rs', withPrefix, { gateway })
  await host.namespace.ip(
    `addr add ${IPV6.server}/${IPV6.prefixLength} dev eth0 nodad`,
    `route add default via ${IPV6.gateway}`,
  )
  return host
}

export function withDotInTheName({ segment }: Neighbourhood): Promise<Host> {
  return segment.addHost('rs', withPrefix, { gateway, nic: 'eth0.100' })
}

/** The NIC below the macvlan has no address. */
export async function withMacvlan({ segment }: Neighbourhood): Promise<Host> {
  const host = await addBareHost(segment)
  await host.addMacvlan('mac0', 'eth0', withPrefix)
  return withGateway(host)
}

export async function withBridge({ segment }: Neighbourhood): Promise<Host> {
  const host = await segment.addHost('rs', withPrefix)
  await host.moveAddressToBridge('br0', withPrefix)
  return withGateway(host)
}

/** As a host of virtual machines has it: a second port, that of a guest. */
export async function withBridgeOfGuests(neighbourhood: Neighbourhood): Promise<Host> {
  const host = await withBridge(neighbourhood)
  await host.namespace.ip(
    'link add name guest0 type veth peer name guest1',
    'link set guest0 master br0 up',
    'link set guest1 arp off up',
  )
  return host
}

/** The bridge keeps VLANs apart; the segment is the untagged one, the guest's port is in another. */
export async function withVlanBridge(neighbourhood: Neighbourhood): Promise<Host> {
  const host = await withBridgeOfGuests(neighbourhood)
  await host.namespace.ip('link set br0 type bridge vlan_filtering 1')
  await host.run('bridge', ['vlan', 'add', 'dev', 'guest0', 'vid', '30', 'pvid', 'untagged'])
  await host.run('bridge', ['vlan', 'del', 'dev', 'guest0', 'vid', '1'])
  return host
}

/** The segment is VLAN 100 of the cable. */
export async function withVlan({ segment }: Neighbourhood): Promise<Host> {
  const host = await addBareHost(segment)
  const { port } = onlyNic(host)
  await segment.switch.ip(
    `link set ${port} nomaster`,
    `link add link ${port} name ${port}.100 type vlan id 100`,
    `link set ${port}.100 master br0 up`,
  )
  await host.namespace.ip(
    'link add link eth0 name vlan100 type vlan id 100',
    `addr add ${withPrefix} dev vlan100`,
    'link set vlan100 up',
  )
  return withGateway(host)
}

/** Two cables to the switch, of which one works. */
export async function withBond({ segment }: Neighbourhood): Promise<Host> {
  const host = await addBareHost(segment)
  await segment.plugIn(host, 'eth1')
  await bond(host, 'active-backup miimon 50')
  return withGateway(host)
}

/** Two cables that the switch bundles, too. */
export async function withLacp({ segment }: Neighbourhood): Promise<Host> {
  const host = await addBareHost(segment)
  await segment.plugIn(host, 'eth1')
  const ports = host.nics.map(({ port }) => port)
  // Of another host with this number.
  await segment.switch.spawn('ip', ['link', 'del', `lacp${host.number}`])
  await segment.switch.ip(
    ...ports.map(port => `link set ${port} down nomaster`),
    `link add name lacp${host.number} type bond mode 802.3ad miimon 50 lacp_rate fast`,
    ...ports.map(port => `link set ${port} master lacp${host.number}`),
    `link set lacp${host.number} master br0 up`,
  )
  await bond(host, '802.3ad miimon 50 lacp_rate fast')
  await untilDistributing(segment.switch, ports)
  await untilDistributing(
    host.namespace,
    host.nics.map(({ name }) => name),
  )
  return withGateway(host)
}

/** LACP_STATE_DISTRIBUTING of include/net/bond_3ad.h. */
const DISTRIBUTING = 0x20

/** Until both ends have agreed a bond has a carrier, and drops what it shall send. */
async function untilDistributing(namespace: Namespace, names: readonly string[]): Promise<void> {
  const stateOf = async (name: string): Promise<number> => {
    const text = await namespace.run('ip', ['-d', 'link', 'show', name])
    return Number(/ad_actor_oper_port_state (\d+)/.exec(text)?.[1] ?? 0)
  }
  for (const name of names) while (((await stateOf(name)) & DISTRIBUTING) === 0) await sleep(20)
}

async function bond(host: Host, mode: string): Promise<void> {
  const [first] = host.nics
  await host.namespace.ip(
    `link add name bond0 address ${first?.mac} type bond mode ${mode}`,
    ...host.nics.flatMap(({ name }) => [`link set ${name} down`, `link set ${name} master bond0`]),
    `addr add ${withPrefix} dev bond0`,
    'link set bond0 up',
  )
}

/** The NIC is in a VRF and the VIP outside: that works where listeners take connections of every VRF. */
export async function withVrf({ segment }: Neighbourhood): Promise<Host> {
  const host = await segment.addHost('rs', withPrefix)
  await host.namespace.ip(
    'link add name blue type vrf table 10',
    'link set blue up',
    'link set eth0 master blue',
  )
  await host.namespace.ip(`route add default via ${gateway} table 10`)
  await host.namespace.writeSysctl('ipv4/tcp_l3mdev_accept', 1)
  return host
}

/** A host with a cable and no address. */
async function addBareHost(segment: Segment): Promise<Host> {
  const host = await segment.addHost('rs', withPrefix)
  await host.namespace.ip(`addr del ${withPrefix} dev eth0`)
  return host
}

/** Once the link is up: a bridge or bond needs a moment. */
async function withGateway(host: Host): Promise<Host> {
  while (/^$|linkdown/.test(await host.run('ip', ['route', 'show', '10.10.10.0/24'])));
  await host.namespace.ip(`route add default via ${gateway}`)
  return host
}

function onlyNic(host: Host): Nic {
  const [nic] = host.nics
  if (!nic) throw new Error(`${host.name} has no NIC`)
  return nic
}

/** The subnet is nobody's business: everything goes by way of the gateway, or of routes for single hosts. */
export async function withHostRoutesAlone({ segment }: Neighbourhood): Promise<Host> {
  const host = await segment.addHost('rs', `${server}/32`)
  await host.namespace.ip(`route add ${gateway} dev eth0`, `route add default via ${gateway}`)
  return host
}
