import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { wantedDirector } from '../../agent/director/desired.ts'
import { compareTables } from '../../agent/director/import/compare.ts'
import { poolsOf } from '../../agent/director/import/imported.ts'
import { recogniseKind } from '../../agent/director/import/kind.ts'
import { addressBytes, addressFromBytes, familyOf, type IpAddress } from '../../agent/model/address.ts'
import { type Destination, type Pool, type ServiceKey, serviceText } from '../../agent/model/ipvs.ts'
import { ipvsadmRules } from '../../agent/report/ipvsadm-rules.ts'
import { configText } from '../support/config-text.ts'
import { ABOUT_EVERY_FILE, importText, ownWarnings } from '../support/import-text.ts'
import { destinationOf, service } from '../support/ipvs-arbitraries.ts'

const { load } = configText()
const rulesOf = (text: string): string[] => {
  const { imported, problems } = importText('ipvsadm', text)
  expect(problems).toEqual([])
  return ipvsadmRules(poolsOf(imported)).trimEnd().split('\n')
}

describe('a rule', () => {
  it.each([
    [
      'defaults of ipvsadm',
      '-A -t 10.0.0.100:80\n-a -t 10.0.0.100:80 -r 10.0.0.12',
      ['-A -t 10.0.0.100:80 -s wlc', '-a -t 10.0.0.100:80 -r 10.0.0.12:80 -g -w 1'],
    ],
    ['its own name', 'ipvsadm -A -t 10.0.0.100:80 -s rr', ['-A -t 10.0.0.100:80 -s rr']],
    [
      'long options',
      '--add-service --udp-service 10.0.0.100:53 --scheduler=rr --ops',
      ['-A -u 10.0.0.100:53 -s rr -o'],
    ],
    ['values that stick to their option', '-A -t10.0.0.100:80 -srr', ['-A -t 10.0.0.100:80 -s rr']],
    [
      'names of hosts and ports',
      '-A -t vip:www -s rr\n-a -t vip:http -r rs1:80 -m -w 3',
      ['-A -t 10.0.0.100:80 -s rr', '-a -t 10.0.0.100:80 -r 10.0.0.12:80 -m -w 3'],
    ],
    ['persistence without a time', '-A -t 10.0.0.100:80 -p -s rr', ['-A -t 10.0.0.100:80 -s rr -p 360']],
    [
      'a prefix length',
      '-A -t [2001:db8::100]:80 -s rr -p 60 -M 64',
      ['-A -t [2001:db8::100]:80 -s rr -p 60 -M 64'],
    ],
    ['an IPv6 mark', '-A -f 7 -6 -s rr -p 60 -M 64', ['-A -f 7 -6 -s rr -p 60 -M 64']],
    [
      'the port of direct routing',
      '-A -t 10.0.0.100:80 -s rr\n-a -t 10.0.0.100:80 -r 10.0.0.12:8080 -g',
      ['-A -t 10.0.0.100:80 -s rr', '-a -t 10.0.0.100:80 -r 10.0.0.12:80 -g -w 1'],
    ],
    [
      'plain flags',
      '-A -t 10.0.0.100:80 -s sh -b flag-2,flag-1',
      ['-A -t 10.0.0.100:80 -s sh -b sh-fallback,sh-port'],
    ],
    [
      'an edited service and real server',
      '-A -t 10.0.0.100:80 -s rr\n-a -t 10.0.0.100:80 -r 10.0.0.12 -w 5\n-E -t 10.0.0.100:80 -s wlc\n-e -t 10.0.0.100:80 -r 10.0.0.12 -w 9',
      ['-A -t 10.0.0.100:80 -s wlc', '-a -t 10.0.0.100:80 -r 10.0.0.12:80 -g -w 9'],
    ],
    [
      'what is deleted again',
      '-A -t 10.0.0.100:80 -s rr\n-a -t 10.0.0.100:80 -r 10.0.0.12\n-a -t 10.0.0.100:80 -r 10.0.0.13\n-d -t 10.0.0.100:80 -r 10.0.0.12\n-A -f 1 -s rr\n-D -f 1',
      ['-A -t 10.0.0.100:80 -s rr', '-a -t 10.0.0.100:80 -r 10.0.0.13:80 -g -w 1'],
    ],
    ['what is cleared', '-A -f 1 -s rr\n-C\n# a comment\n\n-A -f 2 -s rr', ['-A -f 2 -s rr']],
    ['line ends of DOS', '-A -f 2 -s rr\r\n', ['-A -f 2 -s rr']],
  ])('may have %s', (_, text, rules) => {
    expect(rulesOf(text)).toEqual(rules)
  })

  it.each([
    [
      '-A -t 10.0.0.100:80 -s rr\n-A -t 10.0.0.100:80 -s rr',
      'FILE:2:1: 10.0.0.100:80/tcp was added before, in line 1',
    ],
    ['-A -t 10.0.0.100 -s rr', 'FILE:1:1: 10.0.0.100:0/tcp: every port (0) needs persistence'],
    ['-A -t nobody:80', 'FILE:1:7: "nobody:80" is no ADDRESS:PORT, and no name of one'],
    ['-A -t 10.0.0.100:80 -o', 'FILE:1:1: 10.0.0.100:80/tcp: one-packet scheduling is for UDP'],
    ['-A -t 10.0.0.100:80 -s roundrobin', 'FILE:1:21: IPVS has no scheduler roundrobin'],
    ['-A -t 10.0.0.100:80 -p 0', 'FILE:1:24: "0" is no timeout from 1 s to 31 days'],
    ['-A -t 10.0.0.100:80 -b sh-port', 'FILE:1:21: the scheduler wlc has no flag sh-port'],
    ['-A -t 10.0.0.100:80 -w 3', 'FILE:1:21: --weight is not for --add-service'],
    ['-A -t 10.0.0.100:80 -u 10.0.0.100:80', 'FILE:1:21: --udp-service beside another of its kind'],
    ['-A -t 10.0.0.100:80 # web', 'FILE:1:21: unexpected word "#"'],
    ['-A', 'FILE:1:1: a service is missing: -t, -u, --sctp-service or -f'],
    ['-A -t 10.0.0.100:80 -s', 'FILE:1:21: --scheduler needs a value'],
    ['-A --unknown', 'FILE:1:4: ipvsadm has no option --unknown'],
    ['-A -q', 'FILE:1:4: ipvsadm has no option -q'],
    ['-A -f 0', 'FILE:1:7: "0" is no firewall mark from 1 to 4294967295'],
    ['-A -f 1\n-a -f 1', 'FILE:2:1: a real server is missing: -r'],
    ['-a -f 1 -r 10.0.0.12', 'FILE:1:1: there is no service firewall mark 1 before this line'],
    ['-A -f 1\n-a -f 1 -r 10.0.0.12 -w 65536', 'FILE:2:25: --weight needs a number from 0 to 65535'],
    [
      '-A -f 1\n-a -f 1 -r 2001:db8::12 -g',
      'FILE:2:12: real server 2001:db8::12, port 0, of firewall mark 1: only a tunnel leads to a real server of the other address family',
    ],
    [
      '-A -f 1\n-a -f 1 -r 10.0.0.12 -y 3',
      'FILE:2:12: real server 10.0.0.12, port 0, of firewall mark 1: its lower threshold, 3, is above the upper one, 0',
    ],
    ['-A -f 1\n-a -f 1 -r 10.0.0.12 --tun-csum', 'FILE:2:22: --tun-csum is for tunnels (-i) alone'],
    ['-A -f 1\n-a -f 1 -r 10.0.0.12 -i --tun-type gue', 'FILE:2:25: a tunnel of type gue needs --tun-port'],
    [
      '-A -f 1\n-a -f 1 -r 10.0.0.12 -i --tun-type gre --tun-remcsum',
      'FILE:2:40: --tun-remcsum is not for gre',
    ],
    [
      '-A -f 1\n-a -f 1 -r 10.0.0.12\n-a -f 1 -r 10.0.0.12',
      'FILE:3:12: real server 10.0.0.12, port 0, of firewall mark 1 was added before',
    ],
    ['--set 1 2', 'FILE:1:1: --set needs three timeouts'],
    ['--start-daemon boss', 'FILE:1:16: a sync daemon is a master or a backup, not "boss"'],
    ['--start-daemon master --mcast-group 10.0.0.1', 'FILE:1:23: "10.0.0.1" is no multicast address'],
    ['/sbin/ipvsadm -A -f 1', 'FILE:1:1: a rule starts with a command such as -A or -a, not /sbin/ipvsadm'],
  ])('is refused as ipvsadm refuses it: %s', (text, problem) => {
    expect(importText('ipvsadm', text).problems).toContain(problem)
  })

  it('does not hide the problems of others', () => {
    expect(importText('ipvsadm', '-A -f 0\n-A -f x\n-A -f 3').problems).toHaveLength(2)
  })
})

describe('what belongs to no service', () => {
  it('is written with it: timeouts and the sync daemon', () => {
    const { expressed } = importText(
      'ipvsadm',
      '--set 900 0 300\n--start-daemon backup --mcast-interface eth1 --syncid 3\n-A -f 1 -s rr\n-a -f 1 -r 10.0.0.12\n',
    )
    expect(expressed.director).toMatchObject({
      interface: 'eth1',
      timeouts: { tcp: '900s', udp: '300s' },
      syncDaemon: { role: 'backup', interface: 'eth1', id: 3 },
    })
  })
})

describe('what our configuration cannot say', () => {
  const web = '-A -t 10.0.0.100:80 -s rr'
  const rs = '-a -t 10.0.0.100:80 -r 10.0.0.12:80'
  it.each([
    [`${web} -p 60 -M 255.0.255.0\n${rs}`, ['persistence-netmask FILE:1']],
    [`${web} -p 60 --pe sip\n${rs}`, ['persistence-engine FILE:1']],
    [`${web} -b flag-3\n${rs}`, ['scheduler-flag FILE:1']],
    [`${web}\n${rs}\n-a -t 10.0.0.100:80 -r 10.0.0.100:80`, ['real-server-is-the-vip FILE:3']],
    [`${web}\n${rs}\n-a -t 10.0.0.100:80 -r 224.0.0.1:80`, ['no-address-of-a-real-server FILE:3']],
    [
      `${web}\n${rs} -i\n-a -t 10.0.0.100:80 -r 10.0.0.13 -i --tun-type gre`,
      ['tunnel-of-one-real-server FILE:3'],
    ],
    [`${web}\n${rs} -m\n-a -t 10.0.0.100:80 -r 10.0.0.13:0 -m`, ['port-0 FILE:3']],
    [
      `${web}\n${rs}\n-A -t 10.0.0.100:0 -p\n-a -t 10.0.0.100:0 -r 10.0.0.12`,
      ['every-port-beside-a-port FILE:3'],
    ],
    [`${web}\n${rs}\n-A -t 127.0.0.1:80\n-a -t 127.0.0.1:80 -r 10.0.0.12`, ['no-address-of-a-vip FILE:3']],
    [
      '-A -f 1\n-a -f 1 -r 10.0.0.12:80\n-a -f 1 -r 10.0.0.12:81',
      [
        'mark-without-vips FILE:1',
        'port-of-a-mark FILE:2',
        'port-of-a-mark FILE:3',
        'real-server-twice FILE:3',
      ],
    ],
    [
      `${web}\n${rs}\n-A -f 1 -6\n-a -f 1 -6 -r 10.0.0.12 -i`,
      ['mark-without-vips FILE:3', 'family-of-a-mark FILE:3'],
    ],
    [`${web}\n${rs}\n--start-daemon master\n--start-daemon backup`, ['two-sync-daemons FILE:4']],
    [`${web}\n${rs}\n--start-daemon master --mcast-interface lo`, ['no-sync-daemon FILE:3']],
    [`${web}\n${rs}\n--start-daemon backup --sync-maxlen 500`, ['sync-max-length FILE:3']],
  ])('is told by name: %s', (text, warnings) => {
    const result = importText('ipvsadm', text, { nic: 'eth0' })
    expect(result.problems).toEqual([])
    expect(ownWarnings(result)).toEqual(warnings)
    load(result.yaml)
    for (const warning of warnings) expect(result.yaml).toContain(`# ${warning.split(' ')[0]}: `)
  })
})

it.each([
  ['-A -t 10.0.0.1:80\n', 'ipvsadm'],
  ['# rules\nipvsadm --add-service -f 1\n', 'ipvsadm'],
  ['# a file\nchecktimeout=3\nvirtual=10.0.0.1:80\n', 'ldirectord'],
  ['! a file\nglobal_defs {\n', 'keepalived'],
  ['include conf.d/*.conf\n', 'keepalived'],
  ['$VIP=10.0.0.1\n', 'keepalived'],
  ['director:\n  interface: eth0\n', null],
  ['', null],
])('recognises the kind of %j', (text, kind) => {
  expect(recogniseKind(text)).toBe(kind)
})

/** Tables that `ipvsadm -R` can load. */
const loadable = fc
  .array(
    service
      .filter(
        ({ key }) => key.kind === 'firewallMark' || familyOf(key.address) === 4 || key.address.includes(':'),
      )
      .chain(each =>
        fc.array(destinationOf(each.key), { maxLength: 4 }).map(
          (destinations): Pool => ({
            service: each,
            destinations: destinations.flatMap(destination => loadableDestination(destination, each.key)),
          }),
        ),
      ),
    { maxLength: 4 },
  )
  .map(pools => pools.filter(isFirst(({ service }) => serviceText(service.key))))

function loadableDestination(destination: Destination, key: ServiceKey): Destination[] {
  const { forwarding } = destination
  if (forwarding.method === 'local' || forwarding.method === 'bypass') return []
  const isMasqueraded = forwarding.method === 'masquerade'
  const upperThreshold = destination.upperThreshold & 0x7fff_ffff
  return [
    {
      ...destination,
      port: key.kind === 'address' && !isMasqueraded ? key.port : destination.port,
      weight: destination.weight & 0xffff,
      upperThreshold,
      lowerThreshold: Math.min(destination.lowerThreshold, upperThreshold),
    },
  ]
}

function isFirst<T>(nameOf: (item: T) => string) {
  return (item: T, index: number, all: readonly T[]) =>
    all.findIndex(other => nameOf(other) === nameOf(item)) === index
}

const withoutTwins = (pools: Pool[]): Pool[] =>
  pools.map(({ service, destinations }) => ({
    service,
    destinations: destinations.filter(isFirst(({ address, port }) => `${address} ${port}`)),
  }))

describe('what `director save` prints', () => {
  it('is read back as the same table', () => {
    fc.assert(
      fc.property(loadable.map(withoutTwins), pools => {
        const rules = ipvsadmRules(pools)
        const { imported, problems } = importText('ipvsadm', rules)
        expect(problems).toEqual([])
        expect(compareTables(pools, poolsOf(imported))).toEqual([])
        expect(ipvsadmRules(poolsOf(imported))).toBe(rules)
      }),
    )
  })

  it('becomes a configuration of the same table, unless a warning says otherwise', () => {
    const known = [...ABOUT_EVERY_FILE, 'mark-without-vips']
    let alike = 0
    fc.assert(
      fc.property(loadable.map(usual).map(withoutTwins), pools => {
        const { imported, expressed, yaml } = importText('ipvsadm', ipvsadmRules(pools))
        if (expressed.services.length === 0) return
        const wanted = wantedDirector(load(yaml))
        if (expressed.warnings.some(({ id }) => !known.includes(id))) return
        alike++
        expect(compareTables(poolsOf(imported), wanted.pools)).toEqual([])
      }),
      { numRuns: 200 },
    )
    expect(alike).toBeGreaterThan(20)
  })
})

/** With addresses, engines and masks as people have them. */
function usual(pools: Pool[]): Pool[] {
  return pools
    .map(({ service, destinations }): Pool => {
      const { key, persistence } = service
      const usualKey: ServiceKey = key.kind === 'address' ? { ...key, address: vipLike(key.address) } : key
      const [first] = destinations
      return {
        service: {
          ...service,
          key: usualKey,
          persistenceEngine: null,
          schedulerFlags: service.schedulerFlags.filter(flag => !flag.startsWith('flag-')),
          persistence:
            persistence === null
              ? null
              : {
                  timeoutSeconds: 1 + (persistence.timeoutSeconds % 86_400),
                  netmask:
                    typeof persistence.netmask === 'number'
                      ? persistence.netmask
                      : ('255.255.255.0' as IpAddress),
                },
        },
        destinations: destinations.map(destination => ({
          ...destination,
          address: hostLike(destination.address),
          forwarding: first?.forwarding.method === 'tunnel' ? first.forwarding : destination.forwarding,
          port:
            key.kind === 'address'
              ? first?.forwarding.method === 'tunnel'
                ? key.port
                : destination.port || key.port
              : 0,
        })),
      }
    })
    .filter(({ destinations }) => destinations.length > 0)
    .filter(isFirst(({ service }) => serviceText(service.key)))
}

const vipLike = (address: IpAddress): IpAddress => inNetwork(address, [10, 1], [0x20, 0x01, 0x0d, 0xb8, 1])
const hostLike = (address: IpAddress): IpAddress => inNetwork(address, [10, 2], [0x20, 0x01, 0x0d, 0xb8, 2])

function inNetwork(address: IpAddress, ipv4: number[], ipv6: number[]): IpAddress {
  const prefix = familyOf(address) === 4 ? ipv4 : ipv6
  return addressFromBytes(Uint8Array.from([...prefix, ...addressBytes(address).slice(prefix.length)]))
}
