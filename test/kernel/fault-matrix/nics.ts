import { setTimeout as sleep } from 'node:timers/promises'
import type { Evidence } from '../../support/expectation.ts'
import type { Row } from '../../support/fault-row.ts'
import { arpSysctl, ip, sysctl } from '../../support/faults.ts'
import { IPV4 } from '../../support/neighbourhood.ts'
import {
  withBond,
  withBridge,
  withBridgeOfGuests,
  withDotInTheName,
  withHostRoutesAlone,
  withLacp,
  withMacvlan,
  withManagementNicAndPolicyRoute,
  withVlan,
  withVlanBridge,
  withVrf,
} from '../../support/wirings.ts'

const { vip } = IPV4

/** The kinds of NIC: each healthy, and each made loud, so that its silence is known to mean something. */
const kinds: (Pick<Row, 'needs' | 'wire' | 'config'> & {
  name: string
  nic: string
  mayFail?: Evidence
})[] = [
  { name: 'a NIC with a dot in its name', nic: 'eth0.100', wire: withDotInTheName },
  {
    name: 'a macvlan',
    nic: 'mac0',
    wire: withMacvlan,
    mayFail: { 'vip-owner': /this host/ },
  },
  { name: 'a bridge', nic: 'br0', wire: withBridge },
  { name: 'a bridge with the port of a guest', nic: 'br0', wire: withBridgeOfGuests },
  { name: 'a bridge that keeps VLANs apart', nic: 'br0', wire: withVlanBridge, needs: ['bridge with VLANs'] },
  { name: 'a VLAN', nic: 'vlan100', wire: withVlan, needs: ['vlan'] },
  { name: 'a bond of which one port works', nic: 'bond0', wire: withBond, needs: ['bond'] },
  { name: 'a bond by LACP', nic: 'bond0', wire: withLacp, needs: ['lacp'] },
]

const kindRows = kinds.flatMap(({ name, nic, mayFail = {}, ...kind }): Row[] => [
  { name: `${name}, healthy`, ...kind, verify: { pass: { [`arp-silence ${vip} on ${nic}`]: /./ } } },
  {
    name: `${name}, with arp_ignore 0`,
    ...kind,
    fault: arpSysctl('arp_ignore', 0, [nic]),
    verify: {
      fail: {
        'arp-sysctl': /arp_ignore 0/,
        [`arp-silence ${vip} on ${nic}`]: /answered/,
      },
      mayFail,
    },
    // The others have the MAC of the NIC below.
    seen: { claimingNics: nic === 'mac0' ? ['eth0', 'mac0'] : [nic.startsWith('eth') ? nic : 'eth0'] },
  },
])

export const nicRows: Row[] = [
  ...kindRows,
  {
    name: 'a second NIC has the default route, and answers from the VIP have a rule',
    wire: withManagementNicAndPolicyRoute,
    verify: {},
  },
  {
    name: 'the configuration names the NIC, and the second one is none of its business',
    wire: withManagementNicAndPolicyRoute,
    config: { interfaces: ['eth0'] },
    verify: {},
  },
  {
    name: 'the RIP is a /32, as in clouds',
    wire: withHostRoutesAlone,
    verify: {},
  },
  {
    name: 'the NIC has another address of the subnet',
    fault: ip('addr add 10.10.10.77/24 dev eth0'),
    verify: {},
  },
  {
    name: 'the NIC has addresses of two networks',
    fault: ip(
      'addr del 10.10.10.12/24 dev eth0',
      'addr add 192.168.5.12/24 dev eth0',
      'addr add 10.10.10.12/24 dev eth0',
      'route add default via 10.10.10.1',
    ),
    verify: {},
  },
  {
    // Nothing arrives there. A bridge loses its carrier with the first port that goes.
    name: 'there is a bridge for containers, and no container any more',
    fault: async ({ server }) => {
      await server.namespace.ip(
        'link add name docker0 type bridge',
        'addr add 172.17.0.1/16 dev docker0',
        'link set docker0 up',
        'link add name gone type veth',
        'link set gone master docker0',
        'link del gone',
      )
      // The kernel tells of a carrier that went up to a second later.
      while (!/ DOWN /.test(await server.run('ip', ['-br', 'link', 'show', 'docker0']))) await sleep(20)
    },
    verify: {
      skipped: {
        [`arp-silence ${vip} on docker0`]: /carrier/,
        [`arp-announce ${vip} on docker0`]: /carrier/,
      },
    },
  },
  {
    name: 'there is a tunnel, which speaks no ARP',
    fault: ip('tuntap add dev tun0 mode tun', 'addr add 10.99.0.1/24 dev tun0', 'link set tun0 up'),
    verify: {},
  },
  {
    name: 'the NIC is in a VRF, for whose packets everybody listens',
    needs: ['vrf'],
    wire: withVrf,
    verify: {},
  },
  {
    // The VIP is outside: its listener is not asked by what arrives inside.
    name: 'the NIC is in a VRF, for whose packets nobody listens',
    needs: ['vrf'],
    wire: withVrf,
    fault: sysctl(0, 'ipv4/tcp_l3mdev_accept'),
    verify: { fail: { datapath: /vrf/i } },
    seen: { byClients: 'nothing' },
  },
]
