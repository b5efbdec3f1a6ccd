import type { Row } from '../../support/fault-row.ts'
import { ip } from '../../support/faults.ts'
import { IPV4 } from '../../support/neighbourhood.ts'
import { startWebServer } from '../../support/web-server.ts'

const { vip, gateway } = IPV4
const second = '10.10.10.101'

/** How the VIP is bound. */
export const vipRows: Row[] = [
  { name: 'a healthy real server', verify: {} },
  {
    name: 'the VIP is not bound',
    fault: ip(`addr del ${vip}/32 dev lo`),
    verify: {
      fail: { 'vip-bound': /not bound/, datapath: /not bound/, 'service-answers': /./ },
      skipped: { 'arp-announce': /not bound/ },
    },
    seen: { byClients: 'nothing' },
  },
  {
    // Clients behind the gateway are still served: the gateway's address is only the name of a MAC.
    name: 'the VIP is bound as /24 instead of /32',
    fault: ip(`addr del ${vip}/32 dev lo`, `addr add ${vip}/24 dev lo`),
    verify: { fail: { 'vip-bound': /prefix/ } },
  },
  {
    name: 'the VIP is bound as /24 instead of /32, and the clients are in that subnet',
    config: { clients: ['10.10.10.0/24'] },
    fault: ip(`addr del ${vip}/32 dev lo`, `addr add ${vip}/24 dev lo`),
    verify: { fail: { 'vip-bound': /prefix/, datapath: /./ } },
    seen: { byClients: 'nothing', from: 'on the segment' },
  },
  {
    name: 'the VIP is bound as /8 as well',
    fault: ip(`addr add ${vip}/8 dev lo`),
    verify: { fail: { 'vip-bound': /prefix/ } },
  },
  {
    // As a dummy, on which many bind their VIPs.
    name: 'the VIP is bound to a link that speaks no ARP as well',
    fault: ip('tuntap add dev tun0 mode tun', 'link set tun0 up', `addr add ${vip}/32 dev tun0`),
    verify: { fail: { 'vip-bound': /tun0.*speaks no ARP/ } },
  },
  {
    name: 'the VIP is bound to the NIC as well',
    fault: ip(`addr add ${vip}/24 dev eth0`),
    verify: { fail: { 'vip-bound': /bound to eth0/, 'arp-silence': /answered/ } },
    seen: { claimingNics: ['eth0'] },
  },
  {
    name: 'the VIP is bound to the NIC instead of lo',
    fault: ip(`addr del ${vip}/32 dev lo`, `addr add ${vip}/32 dev eth0`),
    verify: { fail: { 'vip-bound': /bound to eth0/, 'arp-silence': /answered/ } },
    seen: { claimingNics: ['eth0'] },
  },
  {
    // A question for the VIP then goes to the director, as a client's does: the answer is another host's.
    name: 'the VIP and its route are missing, and the director sends clients to a sibling',
    fault: async ({ server, neighbourhood: { sibling, standIn } }) => {
      await server.namespace.ip(`addr del ${vip}/32 dev lo`, `route del ${vip}/32 dev lo`)
      await startWebServer(sibling)
      await standIn.forwardTo(sibling)
    },
    spoilsNeighbours: true,
    verify: {
      fail: {
        'vip-bound': /not bound/,
        'vip-route': /no host route/,
        datapath: /not bound/,
        'service-answers': /not bound/,
      },
      skipped: { 'arp-announce': /not bound/ },
    },
  },
  {
    name: 'the second of two VIPs lies in no subnet of this host',
    config: { vips: [vip, '10.99.0.100'].map(address => ({ address, ports: ['80/tcp'] })) },
    fault: ({ neighbourhood: { director } }) => director.namespace.ip('addr add 10.99.0.100/32 dev eth0'),
    spoilsNeighbours: true,
    verify: {},
  },
  {
    name: 'the second of two VIPs is bound to the NIC as well',
    config: { vips: [vip, second].map(address => ({ address, ports: ['80/tcp'] })) },
    fault: async ({ server, neighbourhood: { director } }) => {
      await director.namespace.ip(`addr add ${second}/32 dev eth0`)
      await server.namespace.ip(`addr add ${second}/32 dev eth0`)
    },
    spoilsNeighbours: true,
    verify: {
      fail: { [`vip-bound ${second}`]: /bound to eth0/, [`arp-silence ${second} on eth0`]: /answered/ },
    },
  },
  {
    // Nobody may knock then: of the second VIP no knock is needed.
    name: 'the first VIP is on the NIC as well, the second is not bound, and the gateway is not resolved',
    config: { vips: [vip, second].map(address => ({ address, ports: ['80/tcp'] })) },
    fault: async ({ server, neighbourhood: { director } }) => {
      await director.namespace.ip(`addr add ${second}/32 dev eth0`)
      await server.namespace.ip(
        `addr add ${vip}/32 dev eth0`,
        `addr del ${second}/32 dev lo`,
        `neigh del ${gateway} dev eth0`,
      )
    },
    spoilsNeighbours: true,
    verify: {
      fail: {
        [`vip-bound ${vip}`]: /bound to eth0/,
        [`vip-bound ${second}`]: /not bound/,
        [`arp-silence ${vip} on eth0`]: /answered/,
        [`datapath ${second}:80`]: /not bound/,
        [`service-answers http://${second}/`]: /./,
      },
      unknown: { [`datapath ${vip}:80`]: /would announce a VIP/ },
      skipped: { [`arp-announce ${second} on eth0`]: /not bound/ },
    },
    seen: { claimingNics: ['eth0'] },
  },
  {
    // The kernel keeps a local address of an interface that is down.
    name: 'lo is down',
    fault: ip('link set lo down'),
    verify: { fail: { 'vip-route': /no host route/, 'service-answers': /./ } },
  },
]
