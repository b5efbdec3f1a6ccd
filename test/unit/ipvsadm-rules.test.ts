import { expect, it } from 'vitest'
import { type IpAddress, parseIpAddress } from '../../agent/model/address.ts'
import type { Destination, Pool, VirtualService } from '../../agent/model/ipvs.ts'
import { ipvsadmRules } from '../../agent/report/ipvsadm-rules.ts'

const ip = (text: string): IpAddress => parseIpAddress(text) ?? expect.fail(`${text} is no address`)

const SERVICE: VirtualService = {
  key: { kind: 'address', protocol: 'tcp', address: ip('10.10.10.100'), port: 80 },
  scheduler: 'wlc',
  schedulerFlags: [],
  onePacket: false,
  persistence: null,
  persistenceEngine: null,
}
const destination = (text: string, part: Partial<Destination> = {}): Destination => ({
  address: ip(text),
  port: 80,
  forwarding: { method: 'direct-route' },
  weight: 1,
  upperThreshold: 0,
  lowerThreshold: 0,
  ...part,
})

it('writes services and real servers in the order of ipvsadm, whatever the kernel’s', () => {
  const pools: Pool[] = [
    { service: { ...SERVICE, key: { kind: 'firewallMark', mark: 2, family: 6 } }, destinations: [] },
    { service: { ...SERVICE, key: { kind: 'firewallMark', mark: 2, family: 4 } }, destinations: [] },
    {
      service: { ...SERVICE, key: { kind: 'address', protocol: 'sctp', address: ip('10.0.0.9'), port: 1 } },
      destinations: [],
    },
    {
      service: {
        ...SERVICE,
        key: { kind: 'address', protocol: 'tcp', address: ip('2001:db8::9'), port: 80 },
      },
      destinations: [destination('2001:db8::10'), destination('2001:db8::2')],
    },
    {
      service: SERVICE,
      destinations: [destination('10.10.10.13', { weight: 0 }), destination('10.10.10.9')],
    },
    {
      service: { ...SERVICE, key: { kind: 'address', protocol: 'udp', address: ip('10.0.0.9'), port: 53 } },
      destinations: [],
    },
  ]
  expect(ipvsadmRules(pools)).toBe(
    [
      '-A -t 10.10.10.100:80 -s wlc',
      '-a -t 10.10.10.100:80 -r 10.10.10.9:80 -g -w 1',
      '-a -t 10.10.10.100:80 -r 10.10.10.13:80 -g -w 0',
      '-A -u 10.0.0.9:53 -s wlc',
      '-A --sctp-service 10.0.0.9:1 -s wlc',
      '-A -t [2001:db8::9]:80 -s wlc',
      '-a -t [2001:db8::9]:80 -r [2001:db8::2]:80 -g -w 1',
      '-a -t [2001:db8::9]:80 -r [2001:db8::10]:80 -g -w 1',
      '-A -f 2 -s wlc',
      '-A -f 2 -6 -s wlc',
      '',
    ].join('\n'),
  )
})

it('writes every setting of a service', () => {
  const udp = { kind: 'address', protocol: 'udp', address: ip('10.10.10.100'), port: 5060 } as const
  const service: VirtualService = {
    key: udp,
    scheduler: 'sh',
    schedulerFlags: ['sh-fallback', 'flag-3'],
    onePacket: true,
    persistence: { timeoutSeconds: 60, netmask: ip('255.255.255.0') },
    persistenceEngine: 'sip',
  }
  expect(ipvsadmRules([{ service, destinations: [] }])).toBe(
    '-A -u 10.10.10.100:5060 -s sh -p 60 -M 255.255.255.0 --pe sip -o -b sh-fallback,flag-3\n',
  )
  for (const netmask of [ip('255.255.255.255'), 128])
    expect(
      ipvsadmRules([
        { service: { ...SERVICE, persistence: { timeoutSeconds: 60, netmask } }, destinations: [] },
      ]),
    ).toBe('-A -t 10.10.10.100:80 -s wlc -p 60\n')
})

it.each<[Partial<Destination>, string]>([
  [{ forwarding: { method: 'masquerade' }, port: 8080 }, '-r 10.10.10.12:8080 -m -w 1'],
  [
    { forwarding: { method: 'tunnel', tunnel: { type: 'ipip' } } },
    '-r 10.10.10.12:80 -i -w 1 --tun-type ipip',
  ],
  [
    { forwarding: { method: 'tunnel', tunnel: { type: 'gue', port: 5555, checksum: 'remote' } } },
    '-r 10.10.10.12:80 -i -w 1 --tun-type gue --tun-port 5555 --tun-remcsum',
  ],
  [
    { forwarding: { method: 'tunnel', tunnel: { type: 'gre', checksum: 'full' } } },
    '-r 10.10.10.12:80 -i -w 1 --tun-type gre --tun-csum',
  ],
  [{ weight: 5, upperThreshold: 100, lowerThreshold: 80 }, '-r 10.10.10.12:80 -g -w 5 -x 100 -y 80'],
])('writes a real server with %j', (part, options) => {
  const rules = ipvsadmRules([{ service: SERVICE, destinations: [destination('10.10.10.12', part)] }])
  expect(rules.split('\n')[1]).toBe(`-a -t 10.10.10.100:80 ${options}`)
})
