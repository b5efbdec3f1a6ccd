import type { Row } from '../../support/fault-row.ts'
import { inTurn, ip, nft, sysctl } from '../../support/faults.ts'
import { IPV4 } from '../../support/neighbourhood.ts'
import {
  withManagementNicAndPolicyRoute,
  withManagementNicAndPortRule,
  withoutDefaultRoute,
} from '../../support/wirings.ts'

const { vip, gateway } = IPV4

/** Where the addresses of the kernel are looked up behind rules that somebody added. */
const localTableLater = ['rule add pref 100 lookup local', 'rule del pref 0']

const hostRouteRows: Row[] = [
  {
    name: 'the host route is missing',
    fault: ip(`route del ${vip}/32 dev lo`),
    verify: { fail: { 'vip-route': /no host route/ } },
  },
  {
    name: 'the host route leads through the NIC',
    fault: ip(`route replace ${vip}/32 dev eth0`),
    verify: { fail: { 'vip-route': /eth0/ } },
  },
  {
    name: 'the local route of the VIP is missing, although it is bound',
    fault: ip(`route del local ${vip} dev lo table local`),
    verify: {
      fail: { datapath: /local|ip rule|policy/, 'service-answers': /not local/ },
      unknown: { 'arp-announce': /EADDRNOTAVAIL/ },
    },
    seen: { byClients: 'nothing' },
  },
]

const policyRows: Row[] = [
  {
    name: 'a rule keeps the VIP away from the local table',
    fault: ip(...localTableLater, `rule add pref 50 to ${vip} lookup main`),
    verify: { fail: { datapath: /ip rule|policy/ } },
    seen: { byClients: 'nothing' },
  },
  {
    name: 'a rule refuses what arrives for the VIP',
    fault: ip(...localTableLater, `rule add pref 50 iif eth0 to ${vip} blackhole`),
    verify: { fail: { datapath: /ip rule|policy/ } },
    seen: { byClients: 'nothing' },
  },
  ...(['blackhole', 'unreachable', 'prohibit'] as const).map(
    (action): Row => ({
      name: `a rule makes everything from the VIP ${action}`,
      fault: ip(`rule add pref 50 from ${vip} ${action}`),
      verify: { fail: { datapath: /ip rule|policy/ } },
      seen: { byClients: 'nothing' },
    }),
  ),
  {
    name: 'the default route is prohibited',
    fault: ip('route del default', 'route add prohibit default'),
    config: { clients: ['172.31.0.0/16'] },
    verify: { fail: { datapath: /route|policy/ } },
    seen: { byClients: 'nothing' },
  },
  {
    // Bogon lists hold these networks: nobody's clients come from there.
    name: 'the networks for documentation lead into a blackhole, as on hardened hosts',
    fault: ip(
      ...['192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24'].map(net => `route add blackhole ${net}`),
    ),
    verify: {},
  },
]

const reversePathRows: Row[] = [
  {
    name: 'rp_filter is strict and the way back is the way in',
    fault: sysctl(1, 'ipv4/conf/all/rp_filter', 'ipv4/conf/eth0/rp_filter'),
    verify: {},
  },
  {
    name: 'rp_filter is strict and the way back to clients is another NIC',
    wire: withManagementNicAndPolicyRoute,
    fault: inTurn(ip('rule del pref 500'), sysctl(1, 'ipv4/conf/eth0/rp_filter')),
    verify: { fail: { 'rp-filter eth0': /rp_filter 1.*eth1/, datapath: /rp_filter/ } },
    seen: { byClients: 'nothing' },
  },
  {
    // The kernel asks its rules as for an answer from the VIP.
    name: 'rp_filter is strict and a rule for the VIP alone leads back by the same NIC',
    wire: withManagementNicAndPolicyRoute,
    fault: sysctl(1, 'ipv4/conf/eth0/rp_filter'),
    verify: {},
  },
  {
    name: 'rp_filter is loose and the way back to clients is another NIC',
    wire: withManagementNicAndPolicyRoute,
    fault: sysctl(2, 'ipv4/conf/eth0/rp_filter'),
    verify: {},
  },
  {
    name: 'rp_filter is loose and there is no way back to the clients',
    fault: inTurn(ip('route del default'), sysctl(2, 'ipv4/conf/eth0/rp_filter')),
    config: { clients: ['172.31.0.0/16'] },
    verify: { fail: { 'rp-filter': /rp_filter 2/, datapath: /rp_filter/ } },
    seen: { byClients: 'nothing' },
  },
]

const portRows: Row[] = [
  {
    name: 'rp_filter is strict and a rule for answers from port 80 leads back by the same NIC',
    wire: withManagementNicAndPortRule,
    fault: sysctl(1, 'ipv4/conf/eth0/rp_filter'),
    verify: {},
  },
  {
    name: 'a rule for answers from port 80 leads back by the same NIC, whose gateway is not resolved',
    wire: withManagementNicAndPortRule,
    fault: ip('neigh flush all'),
    // What the kernel repeats by itself resolves it again, as any packet would.
    ticking: ['learnedNeighbours'],
    verify: {},
  },
  {
    name: 'a rule drops answers from port 80 of the VIP',
    fault: ip(`rule add pref 50 from ${vip} ipproto tcp sport 80 blackhole`),
    verify: { fail: { datapath: /policy.*sport 80 blackhole/ } },
    seen: { byClients: 'nothing' },
  },
  {
    name: 'a rule drops answers that a firewall marked',
    fault: inTurn(
      nft(
        'table ip guard {\nchain painter {\ntype route hook output priority mangle\ntcp sport 80 meta mark set 1\n}\n}\n',
      ),
      ip('rule add pref 60 fwmark 1 blackhole'),
    ),
    verify: { fail: { datapath: /a rule for marked packets: 60:/ } },
    seen: { byClients: 'nothing' },
  },
]

const wayBackRows: Row[] = [
  {
    name: 'the clients are on the segment, and there is no default route',
    wire: withoutDefaultRoute,
    config: { clients: ['10.10.10.0/24'] },
    verify: {},
    seen: { from: 'on the segment' },
  },
  {
    name: 'the default route is missing, and the configuration does not say where clients are',
    fault: ip('route del default'),
    verify: { unknown: { datapath: /default route/ } },
    seen: { byClients: 'nothing' },
  },
  {
    name: 'there is no way back to the clients',
    fault: ip('route del default'),
    config: { clients: ['172.31.0.0/16'] },
    verify: { fail: { datapath: /route/ } },
    seen: { byClients: 'nothing' },
  },
  {
    name: 'the gateway does not answer',
    fault: ip('route replace default via 10.10.10.254'),
    verify: { fail: { datapath: /gateway.*10\.10\.10\.254/ } },
    seen: { byClients: 'nothing' },
  },
  {
    name: 'the gateway is reached by a MAC that somebody wrote down, and it is the wrong one',
    fault: ip(`neigh replace ${gateway} lladdr 02:00:00:00:99:99 dev eth0 nud permanent`),
    verify: { fail: { datapath: /gateway|MAC/ } },
    seen: { byClients: 'nothing' },
  },
  {
    name: 'the gateway is reached by a MAC that somebody wrote down, and it is the right one',
    fault: site => {
      const { mac } = site.neighbourhood.gateway
      return ip(`neigh replace ${gateway} lladdr ${mac} dev eth0 nud permanent`)(site)
    },
    verify: {},
  },
  {
    // RFC 8950, as in fabrics without IPv4 addresses on their links.
    name: 'the gateway has an IPv6 address',
    fault: ip('route replace default via inet6 fe80::ff:fe00:100 dev eth0'),
    verify: {},
  },
  {
    name: 'the default route has two gateways',
    fault: ip(
      'route del default',
      `route add default nexthop via ${gateway} dev eth0 nexthop via ${gateway} dev eth0 weight 2`,
    ),
    verify: {},
  },
  {
    name: 'answers leave by the management NIC, where nobody takes them further',
    wire: withManagementNicAndPolicyRoute,
    fault: ip('rule del pref 500'),
    verify: { pass: { datapath: /eth1/ } },
    seen: { byClients: 'nothing' },
  },
]

/** The ways in and back. */
export const routeRows: Row[] = [
  ...hostRouteRows,
  ...policyRows,
  ...reversePathRows,
  ...portRows,
  ...wayBackRows,
]
