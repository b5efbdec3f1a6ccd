import type { Row } from '../../support/fault-row.ts'
import { IPV4, type Neighbourhood } from '../../support/neighbourhood.ts'

const { vip, director } = IPV4
const stranger = '10.10.10.66'

/** A host more on the segment, with these addresses. */
async function addStranger({ segment }: Neighbourhood, ...addresses: string[]) {
  const host = await segment.addHost('stranger', `${stranger}/24`)
  await host.namespace.ip(...addresses.map(address => `addr add ${address} dev eth0`))
  return host
}

const strangerRows: Row[] = [
  {
    name: 'a sibling answers for the VIP as well',
    fault: ({ neighbourhood }) => neighbourhood.sibling.namespace.writeSysctl('ipv4/conf/all/arp_ignore', 0),
    spoilsNeighbours: true,
    verify: { fail: { 'vip-owner': /sibling 10\.10\.10\.13/ } },
  },
  {
    name: 'a sibling answers for the VIP as well, and the configuration does not name it',
    config: { siblings: [] },
    fault: ({ neighbourhood }) => neighbourhood.sibling.namespace.writeSysctl('ipv4/conf/all/arp_ignore', 0),
    spoilsNeighbours: true,
    verify: { fail: { 'vip-owner': /02:00:00:00/ } },
  },
  {
    name: 'a stranger owns the VIP as well',
    fault: ({ neighbourhood }) => addStranger(neighbourhood, `${vip}/24`),
    spoilsNeighbours: true,
    verify: { fail: { 'vip-owner': /stranger 02:00:00:00/ } },
  },
  {
    name: 'a stranger owns the VIP instead of the director',
    fault: async ({ neighbourhood }) => {
      await addStranger(neighbourhood, `${vip}/24`)
      await neighbourhood.director.namespace.ip(`addr del ${vip}/32 dev eth0`)
    },
    spoilsNeighbours: true,
    verify: { fail: { 'vip-owner': /stranger 02:00:00:00/ } },
  },
  {
    name: 'a copy of the director has its address and the VIP as well',
    ticking: ['learnedNeighbours'],
    fault: ({ neighbourhood }) => addStranger(neighbourhood, `${director}/24`, `${vip}/24`),
    spoilsNeighbours: true,
    verify: { fail: { 'vip-owner': /2 (hosts|MACs)/ } },
  },
]

const directorRows: Row[] = [
  {
    name: 'the director is off',
    fault: ({ neighbourhood }) => neighbourhood.director.namespace.ip('link set eth0 down'),
    spoilsNeighbours: true,
    verify: { unknown: { 'vip-owner': /nobody answers/ } },
    seen: { byClients: 'nothing' },
  },
  {
    name: 'the director is there without the VIP',
    fault: ({ neighbourhood }) => neighbourhood.director.namespace.ip(`addr del ${vip}/32 dev eth0`),
    spoilsNeighbours: true,
    verify: { unknown: { 'vip-owner': /nobody answers.*10\.10\.10\.11/ } },
  },
  {
    name: 'two directors answer at once',
    config: { directors: [director, stranger] },
    fault: ({ neighbourhood }) => addStranger(neighbourhood, `${vip}/24`),
    spoilsNeighbours: true,
    verify: { fail: { 'vip-owner': /2 hosts/ } },
  },
  {
    name: 'a second director stands by',
    config: { directors: [director, stranger] },
    fault: ({ neighbourhood }) => addStranger(neighbourhood),
    spoilsNeighbours: true,
    verify: {},
  },
  {
    name: 'the second director has taken over',
    config: { directors: [director, stranger] },
    fault: async ({ neighbourhood }) => {
      await addStranger(neighbourhood, `${vip}/24`)
      await neighbourhood.director.namespace.ip(`addr del ${vip}/32 dev eth0`)
    },
    spoilsNeighbours: true,
    verify: {},
  },
  {
    // RFC 5798: keepalived's use_vmac holds the VIP on a macvlan with this MAC, the director's address stays below.
    name: 'the director holds the VIP by its VRRP MAC',
    fault: async ({ neighbourhood: { director } }) => {
      await director.namespace.ip(
        `addr del ${vip}/32 dev eth0`,
        'link add link eth0 name vrrp.51 address 00:00:5e:00:01:33 type macvlan mode private',
        'link set vrrp.51 up',
      )
      // As keepalived sets them: each answers for what it holds itself.
      await director.namespace.writeSysctl(
        ['eth0', 'vrrp.51'].map(nic => `ipv4/conf/${nic}/arp_ignore`),
        1,
      )
      await director.namespace.ip(`addr add ${vip}/32 dev vrrp.51`)
    },
    spoilsNeighbours: true,
    verify: {},
  },
  {
    name: 'the configuration names another director than the one that answers',
    config: { directors: ['10.10.10.99'] },
    verify: { fail: { 'vip-owner': /stranger.*02:00:00:00/ } },
  },
  {
    name: 'the configuration names no director, and one answers',
    config: { directors: [] },
    verify: { skipped: { 'vip-owner': /10\.10\.10\.11/ } },
  },
  {
    name: 'the configuration names no director, and nobody answers',
    config: { directors: [] },
    fault: ({ neighbourhood }) => neighbourhood.director.namespace.ip(`addr del ${vip}/32 dev eth0`),
    spoilsNeighbours: true,
    verify: { skipped: { 'vip-owner': /director/ } },
  },
]

const cableRows: Row[] = [
  {
    name: 'the NIC is down',
    fault: ({ server }) => server.namespace.ip('link set eth0 down'),
    verify: {
      unknown: { 'arp-silence': /down/, 'arp-announce': /down/, 'vip-owner': /is up|down/, datapath: /down/ },
      absent: ['arp-sysctl', 'arp-sysctl-persisted', 'proxy-arp'],
    },
    seen: { byClients: 'nothing' },
  },
  {
    name: 'the cable is cut',
    fault: ({ neighbourhood: { segment }, server }) =>
      segment.switch.ip(`link set ${server.nics[0]?.port} down`),
    verify: {
      unknown: {
        'arp-silence': /carrier/,
        'arp-announce': /carrier/,
        'vip-owner': /carrier/,
        datapath: /carrier/,
      },
    },
    seen: { byClients: 'nothing' },
  },
]

/** Who else is on the segment, and whether it is reached. */
export const segmentRows: Row[] = [...strangerRows, ...directorRows, ...cableRows]
