import { answerArpFor } from '../../support/arp-responder.ts'
import type { Row } from '../../support/fault-row.ts'
import { arpSysctl, inTurn, ip, sysctl, withHostScope } from '../../support/faults.ts'
import { IPV4 } from '../../support/neighbourhood.ts'
import { withTwoNicsOnTheSegment, withUnnumberedNic } from '../../support/wirings.ts'

const { vip, gateway } = IPV4

/** What makes a host answer for the VIP, or speak in its name. */
export const arpRows: Row[] = [
  {
    name: 'arp_ignore is 0',
    fault: arpSysctl('arp_ignore', 0),
    verify: { fail: { 'arp-sysctl': /arp_ignore 0 \(all 0, eth0 0\)/, 'arp-silence': /answered/ } },
    seen: { claimingNics: ['eth0'] },
  },
  {
    name: 'arp_ignore is 3',
    fault: arpSysctl('arp_ignore', 3),
    verify: { fail: { 'arp-sysctl': /arp_ignore 3/, 'arp-silence': /answered/ } },
    seen: { claimingNics: ['eth0'] },
  },
  {
    name: 'arp_ignore is 3 and the VIP has host scope, which is as quiet',
    fault: inTurn(arpSysctl('arp_ignore', 3), withHostScope),
    verify: { pass: { 'arp-sysctl': /arp_ignore 3.*host scope/, 'arp-silence': /again after$/ } },
  },
  {
    name: 'arp_ignore is 3 and lo routes 127.0.0.0/8, so that host scope hides nothing',
    fault: inTurn(arpSysctl('arp_ignore', 3), withHostScope, sysctl(1, 'ipv4/conf/lo/route_localnet')),
    verify: { fail: { 'arp-sysctl': /arp_ignore 3/, 'arp-silence': /answered/ } },
    seen: { claimingNics: ['eth0'] },
  },
  {
    name: 'arp_ignore is 2, which is as quiet',
    fault: arpSysctl('arp_ignore', 2),
    verify: {},
  },
  {
    // The director cannot reach this host any more, and no question proves its silence.
    name: 'arp_ignore is 8: it is quiet, and deaf for its own address as well',
    fault: arpSysctl('arp_ignore', 8),
    verify: { unknown: { 'arp-silence': /control/ } },
    seen: { byClients: 'nothing' },
  },
  {
    name: 'only the sysctls of lo are set, as in many scripts',
    fault: inTurn(
      arpSysctl('arp_ignore', 0),
      arpSysctl('arp_announce', 0),
      sysctl(1, 'ipv4/conf/lo/arp_ignore'),
      sysctl(2, 'ipv4/conf/lo/arp_announce'),
    ),
    verify: {
      fail: {
        'arp-sysctl': /arp_ignore 0.*arp_announce 0/,
        'arp-silence': /answered/,
        'arp-announce': /arp_announce 0/,
      },
    },
    seen: { claimingNics: ['eth0'] },
  },
  {
    name: 'only the sysctls of the NIC are set, which is enough',
    fault: sysctl(0, 'ipv4/conf/all/arp_ignore', 'ipv4/conf/all/arp_announce'),
    verify: {},
  },
  {
    name: 'a second NIC on the segment has 0 and all has 1, which is enough',
    wire: withTwoNicsOnTheSegment,
    fault: sysctl(0, 'ipv4/conf/eth0/arp_ignore', 'ipv4/conf/eth1/arp_ignore'),
    verify: {},
  },
  {
    name: 'a second NIC on the segment has 0 and only the first has 1',
    wire: withTwoNicsOnTheSegment,
    fault: sysctl(0, 'ipv4/conf/all/arp_ignore', 'ipv4/conf/eth1/arp_ignore'),
    verify: {
      fail: {
        'arp-sysctl eth1': /arp_ignore 0 \(all 0, eth1 0\)/,
        [`arp-silence ${vip} on eth1`]: /answered/,
        [`vip-owner ${vip} on eth0`]: /this host/,
      },
    },
    seen: { claimingNics: ['eth1'] },
  },
  {
    name: 'a second NIC on the segment is loud, and the configuration names the first alone',
    wire: withTwoNicsOnTheSegment,
    config: { interfaces: ['eth0'] },
    fault: inTurn(
      sysctl(0, 'ipv4/conf/all/arp_ignore', 'ipv4/conf/eth1/arp_ignore'),
      sysctl(0, 'ipv4/conf/all/arp_announce', 'ipv4/conf/eth1/arp_announce'),
    ),
    verify: { fail: { 'arp-sysctl eth1': /arp_ignore 0/, 'vip-owner': /this host/ } },
    seen: { claimingNics: ['eth1'] },
  },
  {
    name: 'arp_announce is 0',
    fault: arpSysctl('arp_announce', 0),
    verify: { fail: { 'arp-sysctl': /arp_announce 0 \(all 0, eth0 0\)/, 'arp-announce': /arp_announce 0/ } },
  },
  {
    name: 'arp_announce is 1',
    fault: arpSysctl('arp_announce', 1),
    verify: { fail: { 'arp-sysctl': /arp_announce 1/, 'arp-announce': /arp_announce 1/ } },
  },
  {
    // Asked in the name of the RIP, the gateway can be resolved without a claim to the VIP.
    name: 'arp_announce is 0 and the gateway is not resolved',
    fault: inTurn(arpSysctl('arp_announce', 0), ip(`neigh del ${gateway} dev eth0`)),
    verify: { fail: { 'arp-sysctl': /arp_announce 0/, 'arp-announce': /arp_announce 0/ } },
  },
  {
    name: 'the gateway is not resolved, which a packet changes',
    fault: ip(`neigh del ${gateway} dev eth0`),
    verify: {},
  },
  {
    name: 'a program of this host answers for the VIP, whatever the kernel does',
    fault: ({ server }) => answerArpFor(server, vip),
    verify: { fail: { 'arp-silence': /answered/ } },
    seen: { claimingNics: ['eth0'] },
  },
  {
    // It answers as soon as the VIP is not local.
    name: 'proxy_arp and forwarding are on',
    fault: sysctl(1, 'ipv4/conf/eth0/proxy_arp', 'ipv4/conf/all/forwarding'),
    verify: { fail: { 'proxy-arp': /proxy_arp/ } },
  },
  {
    name: 'proxy_arp is on without forwarding, which does nothing',
    fault: sysctl(1, 'ipv4/conf/eth0/proxy_arp'),
    verify: { pass: { 'proxy-arp': /forwarding/ } },
  },
  {
    name: 'forwarding is on without proxy_arp, as on a host with containers',
    fault: sysctl(1, 'ipv4/conf/all/forwarding'),
    verify: {},
  },
  {
    name: 'the VIP is a proxy neighbour and forwarding is on',
    fault: inTurn(ip(`neigh add proxy ${vip} dev eth0`), sysctl(1, 'ipv4/conf/all/forwarding')),
    verify: { fail: { 'proxy-arp': /proxy/ } },
  },
  {
    name: 'the VIP is a proxy neighbour on a NIC without an address, and forwarding is on',
    wire: withUnnumberedNic,
    fault: inTurn(ip(`neigh add proxy ${vip} dev eth1`), sysctl(1, 'ipv4/conf/all/forwarding')),
    verify: { fail: { 'proxy-arp eth1': /a proxy entry/ } },
  },
  {
    // As Calico has it towards every container: it never sees a question for the VIP from elsewhere.
    name: 'a NIC without an address has proxy_arp, and forwarding is on',
    wire: withUnnumberedNic,
    fault: sysctl(1, 'ipv4/conf/eth1/proxy_arp', 'ipv4/conf/all/forwarding'),
    verify: {},
  },
  {
    name: 'the VIP is a proxy neighbour without forwarding, which does nothing',
    fault: ip(`neigh add proxy ${vip} dev eth0`),
    verify: {},
  },
  {
    name: 'the VIP is not bound and answered for by proxy_arp',
    fault: inTurn(
      ip(`addr del ${vip}/32 dev lo`),
      sysctl(1, 'ipv4/conf/eth0/proxy_arp', 'ipv4/conf/all/forwarding'),
      sysctl(0, 'ipv4/neigh/eth0/proxy_delay'),
    ),
    verify: {
      fail: {
        'vip-bound': /not bound/,
        'arp-silence': /answered/,
        'proxy-arp': /proxy_arp/,
        datapath: /not bound/,
        'service-answers': /./,
      },
      skipped: { 'arp-announce': /not bound/ },
    },
    seen: { byClients: 'nothing', claimingNics: ['eth0'] },
  },
]
