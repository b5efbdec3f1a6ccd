import type { Row } from '../../support/fault-row.ts'
import { arpSysctl, inTurn, nft } from '../../support/faults.ts'
import { IPV4 } from '../../support/neighbourhood.ts'
import { withBridge, withBridgeOfGuests, withMacvlan } from '../../support/wirings.ts'

const { vip, server } = IPV4

/** A table with one chain and its rules; where the chain hooks in is given as in nft(8). */
function chain(family: string, hook: string, ...rules: string[]): string {
  const lines = [`type filter hook ${hook};`, ...rules]
  return `table ${family} guard {\nchain doorman {\n${lines.join('\n')}\n}\n}\n`
}

/** What drops what clients send, or what they would get; by the words with which verify blames the firewall. */
const dropped = { verify: { fail: { datapath: /firewall/ } }, seen: { byClients: 'nothing' } }

const droppingRows: Row[] = [
  {
    name: 'the input chain drops port 80',
    fault: nft(chain('inet', 'input priority 0', 'tcp dport 80 drop')),
    verify: { fail: { datapath: /firewall.*guard/, 'service-answers': /./ } },
    seen: { byClients: 'nothing' },
  },
  {
    name: 'the prerouting chain drops what arrives for the VIP',
    fault: nft(chain('ip', 'prerouting priority -300', `iifname eth0 ip daddr ${vip} drop`)),
    ...dropped,
  },
  {
    name: 'the ingress hook of the NIC drops port 80',
    fault: nft(chain('netdev', 'ingress device eth0 priority 0', 'tcp dport 80 drop')),
    ...dropped,
  },
  {
    name: 'the output chain drops answers from the VIP',
    fault: nft(chain('ip', 'output priority 0', `oifname eth0 ip saddr ${vip} drop`)),
    verify: { fail: { datapath: /firewall/ }, unknown: { 'arp-announce': /EPERM/ } },
    seen: { byClients: 'nothing' },
  },
  {
    name: 'the egress hook of the NIC drops answers from the VIP',
    needs: ['egress hook'],
    fault: nft(chain('netdev', 'egress device eth0 priority 0', `ip saddr ${vip} drop`)),
    ...dropped,
  },
  {
    name: 'connection tracking drops the first packet of a connection',
    fault: nft(
      chain('inet', 'input priority 0; policy drop', 'iif lo accept', 'ct state established,related accept'),
    ),
    ...dropped,
  },
]

const rejectingRows: Row[] = [
  {
    // Of nothing that follows the SYN is anything said to the client.
    name: 'the input chain takes new connections to port 80, and drops what follows',
    fault: nft(chain('inet', 'input priority 0', 'iifname eth0 tcp dport 80 tcp flags & syn == 0 drop')),
    leavesHalfOpen: true,
    verify: { unknown: { datapath: /did not arrive/ } },
    seen: { byClients: 'nothing' },
  },
  {
    name: 'the firewall resets connections to port 80 although there is a listener',
    fault: nft(chain('inet', 'input priority 0', 'iifname eth0 tcp dport 80 reject with tcp reset')),
    verify: { fail: { datapath: /firewall rejects/ } },
    seen: { byClients: 'nothing' },
  },
  {
    name: 'the firewall tells clients of port 80 that it is prohibited',
    fault: nft(
      chain('ip', 'input priority 0', 'iifname eth0 tcp dport 80 reject with icmp type admin-prohibited'),
    ),
    verify: { fail: { datapath: /firewall rejects/ } },
    seen: { byClients: 'nothing' },
  },
]

const arpRows: Row[] = [
  {
    name: 'arp_ignore is 0, and only a firewall rule keeps the host quiet',
    fault: inTurn(
      arpSysctl('arp_ignore', 0),
      nft(chain('arp', 'input priority 0', `arp daddr ip ${vip} drop`)),
    ),
    verify: {
      fail: { 'arp-sysctl': /arp_ignore 0/ },
      pass: { 'arp-silence': /only because of.*guard/ },
    },
  },
  {
    name: 'arp_ignore is 0, and only a firewall rule on answers keeps the host quiet',
    fault: inTurn(
      arpSysctl('arp_ignore', 0),
      nft(chain('arp', 'output priority 0', `arp operation reply arp saddr ip ${vip} drop`)),
    ),
    verify: {
      fail: { 'arp-sysctl': /arp_ignore 0/ },
      pass: { 'arp-silence': /only because of.*guard/ },
    },
  },
  {
    name: 'the firewall drops every question by ARP, and so the proof as well',
    fault: nft(chain('arp', 'input priority 0', 'arp operation request drop')),
    verify: { unknown: { 'arp-silence': /control/ } },
    seen: { byClients: 'nothing' },
  },
]

const harmlessRows: Row[] = [
  {
    name: 'a firewall that lets clients in, and little else',
    fault: nft(
      chain(
        'inet',
        'input priority 0; policy drop',
        'iif lo accept',
        'ct state established,related accept',
        'ct state invalid drop',
        'tcp dport 80 accept',
        'icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept',
      ),
    ),
    verify: {},
  },
  {
    name: 'a firewall that lets in the clients of the configuration alone',
    fault: nft(
      chain('ip', 'input priority 0; policy drop', 'iif lo accept', 'ip saddr 172.31.0.0/16 accept'),
    ),
    config: { clients: ['172.31.0.0/16'] },
    verify: {},
  },
  {
    // Nothing that this host says of itself leaves in the name of the VIP: only answers do.
    name: 'a firewall that lets nothing out but answers',
    fault: nft(
      chain('ip', 'output priority 0; policy drop', 'oif lo accept', 'ct state established,related accept'),
    ),
    verify: { unknown: { 'arp-announce': /EPERM/ } },
  },
  {
    // No client comes from there, and lists of such networks are widely used.
    name: 'a firewall that drops what comes from the networks for documentation',
    fault: nft(
      chain(
        'ip',
        'prerouting priority -300',
        'ip saddr { 192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24 } drop',
      ),
    ),
    verify: { unknown: { datapath: /clients/ } },
  },
  {
    name: 'a firewall that takes port 80 from the MAC of the director alone',
    fault: site => {
      const { mac } = site.neighbourhood.director
      return nft(
        chain('netdev', 'ingress device eth0 priority 0', `ether saddr != ${mac} tcp dport 80 drop`),
      )(site)
    },
    verify: {},
  },
  {
    name: 'a firewall that tracks no connection of port 80',
    fault: nft(chain('ip', 'prerouting priority raw', 'tcp dport 80 notrack')),
    verify: {},
  },
]

const limitingRows: Row[] = [
  {
    // Three knock at once, the first of which uses up what there is.
    name: 'a firewall that lets a connection a second in',
    fault: nft(
      chain(
        'ip',
        'input priority 0',
        'ip saddr 198.18.0.0/16 tcp flags & syn == syn limit rate over 1/second burst 1 packets drop',
      ),
    ),
    config: { clients: ['198.18.1.0/24', '198.18.2.0/24', '198.18.3.0/24'] },
    verify: {
      unknown: {
        [`datapath ${vip}:80 from 198.18.2.77`]: /firewall.*limits/,
        [`datapath ${vip}:80 from 198.18.3.77`]: /firewall.*limits/,
      },
    },
  },
]

const rewritingRows: Row[] = [
  {
    name: 'the firewall writes the RIP into answers from the VIP',
    fault: nft(chain('ip', 'output priority -300', `ip saddr ${vip} tcp sport 80 ip saddr set ${server}`)),
    // Nobody's connection is ever completed there, and the kernel goes on trying.
    leavesHalfOpen: true,
    verify: { fail: { datapath: /10\.10\.10\.12/, 'service-answers': /./ } },
    seen: { byClients: 'nothing' },
  },
]

const belowRows: Row[] = [
  {
    // What is injected on the bridge has passed its ports already.
    name: 'the firewall of a bridge drops port 80 at its ports',
    wire: withBridge,
    fault: nft(chain('bridge', 'prerouting priority 0', 'tcp dport 80 drop')),
    verify: { unknown: { datapath: /guard/ } },
    seen: { byClients: 'nothing' },
  },
  {
    name: 'the ingress hook of the port of a bridge drops port 80',
    wire: withBridge,
    fault: nft(chain('netdev', 'ingress device eth0 priority 0', 'tcp dport 80 drop')),
    verify: { unknown: { datapath: /guard/ } },
    seen: { byClients: 'nothing' },
  },
  {
    name: 'the ingress hook of two devices drops port 80, the port of a bridge being the second',
    wire: withBridgeOfGuests,
    fault: nft(chain('inet', 'ingress devices = { guest0, eth0 } priority 0', 'tcp dport 80 drop')),
    verify: { unknown: { datapath: /guard.*on .*eth0/ } },
    seen: { byClients: 'nothing' },
  },
  {
    name: 'the ingress hook of the NIC beneath a macvlan drops port 80',
    wire: withMacvlan,
    fault: nft(chain('netdev', 'ingress device eth0 priority 0', 'ip protocol tcp tcp dport 80 drop')),
    verify: { unknown: { datapath: /guard.*on eth0/ } },
    seen: { byClients: 'nothing' },
  },
  {
    // The answer is seen as it leaves the bridge, and never gets to the cable.
    name: 'a tc filter of the port of a bridge leads answers of port 80 away',
    wire: withBridge,
    fault: async ({ server }) => {
      await server.run('tc', ['qdisc', 'add', 'dev', 'eth0', 'clsact'])
      const filter = 'protocol ip u32 match ip sport 80 0xffff action mirred ingress redirect dev lo'
      await server.run('tc', ['filter', 'add', 'dev', 'eth0', 'egress', ...filter.split(' ')])
    },
    verify: { unknown: { datapath: /tc egress.*eth0/ } },
    seen: { byClients: 'nothing' },
  },
  {
    name: 'a tc filter leads port 80 away',
    fault: async ({ server }) => {
      await server.run('tc', ['qdisc', 'add', 'dev', 'eth0', 'clsact'])
      const filter = 'protocol ip u32 match ip dport 80 0xffff action mirred egress redirect dev lo'
      await server.run('tc', ['filter', 'add', 'dev', 'eth0', 'ingress', ...filter.split(' ')])
    },
    verify: { fail: { datapath: /firewall|tc/ } },
    seen: { byClients: 'nothing' },
  },
  {
    name: 'a tc filter leads answers of port 80 away',
    fault: async ({ server }) => {
      await server.run('tc', ['qdisc', 'add', 'dev', 'eth0', 'clsact'])
      const filter = 'protocol ip u32 match ip sport 80 0xffff action mirred ingress redirect dev lo'
      await server.run('tc', ['filter', 'add', 'dev', 'eth0', 'egress', ...filter.split(' ')])
    },
    verify: { fail: { datapath: /firewall|tc/ } },
    seen: { byClients: 'nothing' },
  },
]

/** nftables between the wire and the service. */
export const firewallRows: Row[] = [
  ...droppingRows,
  ...rejectingRows,
  ...arpRows,
  ...harmlessRows,
  ...limitingRows,
  ...rewritingRows,
  ...belowRows,
]
