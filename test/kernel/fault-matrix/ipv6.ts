import type { Row, Site } from '../../support/fault-row.ts'
import { arpSysctl, inTurn, ip, nft, sysctl } from '../../support/faults.ts'
import { IPV4, IPV6 } from '../../support/neighbourhood.ts'
import { startWebServer } from '../../support/web-server.ts'
import { withBothFamilies } from '../../support/wirings.ts'

const { vip } = IPV6

const usual = { families: ['ipv6'], wire: withBothFamilies } as const
const forwarding = sysctl(1, 'ipv6/conf/all/forwarding')

/** A sibling has it, before this host has ended to ask for it. */
async function takeAddressAway({ server, neighbourhood: { sibling } }: Site): Promise<void> {
  await sibling.namespace.ip(`addr add ${IPV6.server}/64 dev eth0 nodad`)
  await server.namespace.writeSysctl('ipv6/conf/eth0/accept_dad', 1)
  await server.namespace.ip(`addr del ${IPV6.server}/64 dev eth0`, `addr add ${IPV6.server}/64 dev eth0`)
  while (!(await server.run('ip', ['-6', 'addr'])).includes('dadfailed'));
}

const bindingRows: Row[] = [
  { ...usual, name: 'a healthy real server of an IPv6 VIP', verify: {} },
  { ...usual, name: 'a healthy real server of both families', families: ['ipv4', 'ipv6'], verify: {} },
  {
    ...usual,
    name: 'lo was down and up again, which loses the IPv6 VIP alone',
    families: ['ipv4', 'ipv6'],
    fault: ip('link set lo down', 'link set lo up'),
    verify: {
      fail: {
        [`vip-bound ${vip}`]: /not bound/,
        [`vip-route ${vip}`]: /no host route/,
        [`vip-route ${IPV4.vip}`]: /no host route/,
        [`datapath [${vip}]:80`]: /not bound/,
        [`service-answers http://[${vip}]/`]: /./,
      },
    },
    seen: { byClients: 'nothing' },
    seenOfIpv4: {},
  },
  {
    ...usual,
    name: 'the IPv6 VIP is bound as /64',
    fault: ip(`addr del ${vip}/128 dev lo`, `addr add ${vip}/64 dev lo nodad`),
    verify: { fail: { 'vip-bound': /prefix/ } },
  },
  {
    ...usual,
    name: 'the IPv6 VIP is on the NIC as well',
    fault: ip(`addr add ${vip}/64 dev eth0 nodad`),
    verify: { fail: { 'vip-bound': /bound to eth0/, 'ndp-silence': /answered/ } },
    // It asks for the gateway in the name of the VIP, and the gateway tells the director.
    seen: { byClients: 'nothing', claimingNics: ['eth0'] },
  },
  {
    // IPv6 asks for it in the name of an address that is no VIP.
    ...usual,
    name: 'the VIP of IPv4 alone is on the NIC as well, and the IPv6 gateway is not resolved',
    families: ['ipv4', 'ipv6'],
    fault: ip(`addr add ${IPV4.vip}/32 dev eth0`, `neigh del ${IPV6.gateway} dev eth0`),
    verify: {
      fail: {
        [`vip-bound ${IPV4.vip}`]: /bound to eth0/,
        [`arp-silence ${IPV4.vip} on eth0`]: /answered/,
      },
    },
    seen: {},
    seenOfIpv4: { claimingNics: ['eth0'] },
  },
  {
    // The director defends its address: the kernel keeps the copy, and does not use it.
    ...usual,
    name: 'the IPv6 VIP is on the NIC as well, where its detection found a duplicate',
    fault: inTurn(
      sysctl(1, 'ipv6/conf/eth0/accept_dad'),
      ip(`addr add ${vip}/64 dev eth0`),
      async ({ server }) => {
        while (!(await server.run('ip', ['-6', 'addr'])).includes('dadfailed'));
      },
    ),
    verify: {
      // What is a duplicate is not in use: nothing answers for it.
      fail: { 'vip-bound': /duplicate address detection/ },
    },
  },
  {
    // The director cannot reach it any more.
    ...usual,
    name: "this host's own IPv6 address is a duplicate",
    fault: takeAddressAway,
    spoilsNeighbours: true,
    verify: { unknown: { 'ndp-silence': /duplicate address detection/ } },
    seen: { byClients: 'nothing' },
  },
  {
    // Then nobody can be asked by it: that nobody answers proves nothing.
    ...usual,
    name: "this host's own IPv6 address is a duplicate, and it has no other",
    fault: inTurn(ip('addr flush dev eth0 scope link'), takeAddressAway),
    spoilsNeighbours: true,
    // It cannot confirm anybody any more whom it knew.
    ticking: ['learnedNeighbours'],
    verify: {
      unknown: {
        'ndp-silence': /duplicate address detection/,
        'vip-owner': /no settled IPv6 address/,
      },
    },
    seen: { byClients: 'nothing' },
  },
]

const proxyRows: Row[] = [
  {
    ...usual,
    name: 'the IPv6 VIP is a proxy neighbour, and proxy_ndp and forwarding are on',
    fault: inTurn(
      forwarding,
      sysctl(1, 'ipv6/conf/eth0/proxy_ndp'),
      ip(`neigh add proxy ${vip} dev eth0`),
      ip(`route replace default via ${IPV6.gateway}`),
    ),
    verify: { fail: { 'proxy-arp': /proxy_ndp/, 'ndp-silence': /answered/ } },
    seen: { claimingNics: ['eth0'] },
  },
  {
    ...usual,
    name: 'the IPv6 VIP is a proxy neighbour without forwarding, which does nothing',
    fault: inTurn(sysctl(1, 'ipv6/conf/eth0/proxy_ndp'), ip(`neigh add proxy ${vip} dev eth0`)),
    verify: {},
  },
  {
    ...usual,
    name: 'proxy_ndp and forwarding are on for other addresses',
    fault: inTurn(
      forwarding,
      sysctl(1, 'ipv6/conf/eth0/proxy_ndp'),
      ip('neigh add proxy 2001:db8:10::77 dev eth0'),
    ),
    verify: {},
  },
]

const pathRows: Row[] = [
  {
    ...usual,
    name: 'the host route of the IPv6 VIP is missing',
    fault: ip(`route del ${vip}/128 dev lo proto 76`),
    verify: { fail: { 'vip-route': /no host route/ } },
  },
  {
    ...usual,
    name: 'a rule makes everything from the IPv6 VIP unreachable',
    fault: ({ server }) => server.run('ip', ['-6', 'rule', 'add', 'pref', '50', 'from', vip, 'unreachable']),
    verify: { fail: { datapath: /ip rule|policy/ } },
    seen: { byClients: 'nothing' },
  },
  {
    ...usual,
    name: 'IPv6 is switched off on the NIC',
    fault: sysctl(1, 'ipv6/conf/eth0/disable_ipv6'),
    verify: {
      unknown: { 'ndp-silence': /IPv6/, 'vip-owner': /no NIC/, datapath: /no NIC/ },
      absent: ['proxy-arp'],
    },
    seen: { byClients: 'nothing' },
  },
  {
    ...usual,
    name: 'the gateway of IPv6 does not answer',
    fault: ip('route replace default via 2001:db8:10::fe'),
    verify: { fail: { datapath: /gateway.*2001:db8:10::fe/ } },
    seen: { byClients: 'nothing' },
  },
  {
    ...usual,
    name: 'the firewall drops port 80 of IPv6',
    families: ['ipv4', 'ipv6'],
    fault: nft(
      'table ip6 guard {\nchain doorman {\ntype filter hook input priority 0\ntcp dport 80 drop\n}\n}\n',
    ),
    verify: {
      fail: {
        [`datapath [${vip}]:80`]: /firewall.*guard/,
        [`service-answers http://[${vip}]/`]: /./,
      },
    },
    seen: { byClients: 'nothing' },
    seenOfIpv4: {},
  },
  {
    ...usual,
    name: 'the web server listens on IPv4 alone',
    families: ['ipv4', 'ipv6'],
    fault: async ({ web, server }) => {
      await web.stop()
      await startWebServer(server)
    },
    verify: {
      fail: {
        [`datapath [${vip}]:80`]: /nothing listens/,
        [`service-answers http://[${vip}]/`]: /refused/i,
      },
    },
    seen: { byClients: 'nothing' },
    seenOfIpv4: {},
  },
]

const neighbourRows: Row[] = [
  {
    ...usual,
    name: 'a sibling answers for the IPv6 VIP as well',
    fault: ({ neighbourhood: { sibling } }) => sibling.namespace.ip(`addr add ${vip}/64 dev eth0 nodad`),
    spoilsNeighbours: true,
    verify: { fail: { 'vip-owner': /sibling 2001:db8:10::13/ } },
  },
  {
    ...usual,
    name: 'the director is there without the IPv6 VIP',
    fault: ({ neighbourhood: { director } }) => director.namespace.ip(`addr del ${vip}/128 dev eth0`),
    spoilsNeighbours: true,
    verify: { unknown: { 'vip-owner': /nobody answers/ } },
  },
  {
    ...usual,
    name: 'IPv4 is loud, and the IPv6 VIP is not concerned',
    families: ['ipv4', 'ipv6'],
    fault: arpSysctl('arp_ignore', 0),
    verify: { fail: { 'arp-sysctl': /arp_ignore 0/, 'arp-silence': /answered/ } },
    seenOfIpv4: { claimingNics: ['eth0'] },
  },
]

/** VIPs of IPv6: neighbour discovery asks the NIC's own addresses, so that lo is silent by construction. */
export const ipv6Rows: Row[] = [...bindingRows, ...proxyRows, ...pathRows, ...neighbourRows]
