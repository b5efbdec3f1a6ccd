import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { leftToRun, wantedDirector } from '../../agent/director/desired.ts'
import { UNPROVEN } from '../../agent/director/health/judgement.ts'
import { checkedMembers } from '../../agent/director/health/members.ts'
import { AS_CONFIGURED } from '../../agent/director/rotation.ts'
import { whyNotDaemon, whyNotDestination, whyNotService } from '../../agent/model/ipvs-limits.ts'
import { configText } from '../support/config-text.ts'

const { load, loadOrLocate, problems } = configText()

/** The documented example, in which one file describes the whole cluster. */
const EXAMPLE = `realServer:
  vips:
    - address: 10.10.10.100          # IPv4 or IPv6
      ports: [80/tcp]                # what clients reach on it
  interfaces: auto                   # or a list of NICs; auto = every NIC that can carry the VIP's traffic
  directors: [10.10.10.11]           # the only hosts that may answer for the VIPs
  nfs:
    - { source: "10.10.10.40:/srv/www", target: /var/www/html, options: "ro,nfsvers=4.2" }
  httpd: { server: apache, port: 80, root: /var/www/html, healthPath: / }   # apache | nginx
director:
  interface: eth0
  services:
    - listen: 10.10.10.100:80/tcp    # or firewallMark: 1
      scheduler: wlc                 # every scheduler of the kernel
      persistence: { timeout: 360s, netmask: 255.255.255.255 }   # port 0 = every port
      forwarding: direct-route       # direct-route | tunnel | masquerade
      realServers:
        - { address: 10.10.10.12, weight: 1 }
        - { address: 10.10.10.13, weight: 1 }
      fallback: 127.0.0.1:80
      onFailure: quiesce             # quiesce (weight 0) | remove
      check: { type: http, path: /, status: 200, body: ok, interval: 2s, timeout: 1s, rise: 2, fall: 3 }
  syncDaemon: { role: master, interface: eth0, id: 1 }
  minimumAvailable: 50%              # never take out more than this leaves
`

const withServices = (...services: string[]): string =>
  `director:\n  interface: eth0\n  services:\n${services.map(service => `    - ${service}\n`).join('')}`
const LISTEN = 'listen: 10.0.0.100:80/tcp'
const RS = 'realServers: [{ address: 10.0.0.12 }]'
/** A service that is right but for what is added. */
const service = (rest: string): string => withServices(`{ ${LISTEN}, ${RS}, ${rest} }`)
const syncDaemon = (rest: string): string =>
  `${withServices(`{ ${LISTEN}, ${RS} }`)}  syncDaemon: { interface: eth1, ${rest} }\n`
const wantedOf = (text: string) => wantedDirector(load(text))
const onlyPool = (text: string) => wantedOf(text).pools[0]

describe('the section director', () => {
  it('takes the documented example', () => {
    const { nic, vips, pools, syncDaemon, bindsVips, otherServices, timeouts } = wantedOf(EXAMPLE)
    expect({ nic, bindsVips, otherServices, timeouts }).toEqual({
      nic: 'eth0',
      bindsVips: true,
      otherServices: 'keep',
      timeouts: {},
    })
    expect(vips).toEqual([{ address: '10.10.10.100', path: ['director', 'services', 0, 'listen'] }])
    const form = { forwarding: { method: 'direct-route' }, weight: 1, upperThreshold: 0, lowerThreshold: 0 }
    expect(pools).toMatchObject([
      {
        path: ['director', 'services', 0],
        service: {
          key: { kind: 'address', protocol: 'tcp', address: '10.10.10.100', port: 80 },
          scheduler: 'wlc',
          schedulerFlags: [],
          onePacket: false,
          persistence: { timeoutSeconds: 360, netmask: '255.255.255.255' },
          persistenceEngine: null,
        },
        destinations: [
          { address: '10.10.10.12', port: 80, ...form },
          { address: '10.10.10.13', port: 80, ...form },
        ],
      },
    ])
    expect(syncDaemon).toEqual({ role: 'master', interface: 'eth0', syncId: 1 })
  })

  it('fills in what is not said', () => {
    const pool = onlyPool(withServices(`{ ${LISTEN}, ${RS} }`))
    expect(pool?.service).toMatchObject({ scheduler: 'wlc', persistence: null, onePacket: false })
    expect(pool?.destinations).toMatchObject([
      { port: 80, weight: 1, forwarding: { method: 'direct-route' } },
    ])
    expect(load(EXAMPLE).director?.services[0]?.check).toEqual([
      {
        type: 'http',
        method: 'GET',
        path: '/',
        status: [200],
        body: 'ok',
        interval: 2000,
        retryInterval: 2000,
        timeout: 1000,
        rise: 2,
        fall: 3,
        jitter: 0.1,
      },
    ])
  })

  it('takes times of IPVS as long as IPVS does', () => {
    const persistent = (timeout: string) => service(`persistence: { timeout: ${timeout} }`)
    expect(onlyPool(persistent('2678400s'))?.service.persistence?.timeoutSeconds).toBe(31 * 86_400)
    expect(problems(persistent('2678401s')).join()).toMatch(/timeout: expected at most 31 days/)
    expect(problems(service('check: { type: icmp, interval: 86401s }')).join()).toMatch(/at most one day/)
  })

  it('takes a service without real servers, which the fallback serves if there is one', () => {
    const empty = (rest: string) => withServices(`{ ${LISTEN}, realServers: []${rest} }`)
    expect(onlyPool(empty(''))).toMatchObject({ destinations: [], usesFallback: false })
    expect(onlyPool(empty(', fallback: 10.0.0.9:80'))).toMatchObject({
      destinations: [{ address: '10.0.0.9' }],
      usesFallback: true,
    })
    const mark = withServices('{ firewallMark: 1, realServers: [], fallback: "[2001:db8::9]:80" }')
    expect(onlyPool(mark)?.service.key).toMatchObject({ mark: 1, family: 6 })
    expect(problems(withServices(`{ ${LISTEN} }`)).join()).toMatch(/realServers: is missing/)
  })

  it('takes IPv6, with a prefix length for its clients', () => {
    const text = withServices(
      '{ listen: "[2001:DB8::100]:443/tcp", persistence: { timeout: 5m, netmask: 64 }, realServers: [{ address: 2001:db8::12 }] }',
    )
    expect(onlyPool(text)?.service).toMatchObject({
      key: { address: '2001:db8::100', port: 443 },
      persistence: { timeoutSeconds: 300, netmask: 64 },
    })
    expect(onlyPool(text.replace(', netmask: 64', ''))?.service.persistence).toMatchObject({ netmask: 128 })
  })

  it('takes a firewall mark, of the family of its VIPs, else of its real servers', () => {
    const marked = (rest: string) => onlyPool(withServices(`{ firewallMark: 7, ${rest} }`))
    expect(marked(RS)?.service.key).toEqual({ kind: 'firewallMark', mark: 7, family: 4 })
    expect(marked(RS)?.destinations).toMatchObject([{ port: 0 }])
    const both = 'vips: ["2001:db8::100"], forwarding: tunnel, realServers: [{ address: 10.0.0.12 }]'
    expect(marked(both)?.service.key).toMatchObject({ family: 6 })
    expect(
      wantedOf(withServices(`{ firewallMark: 7, vips: [10.0.0.100, 10.0.0.101], ${RS} }`)).vips,
    ).toMatchObject([{ address: '10.0.0.100' }, { address: '10.0.0.101' }])
  })

  it('takes every port for persistent services', () => {
    const text = withServices(`{ listen: 10.0.0.100:0/tcp, persistence: { netmask: 255.255.255.0 }, ${RS} }`)
    expect(onlyPool(text)?.service).toMatchObject({
      key: { port: 0 },
      persistence: { timeoutSeconds: 300, netmask: '255.255.255.0' },
    })
    expect(onlyPool(text.replace('255.255.255.0', '24'))?.service.persistence?.netmask).toBe('255.255.255.0')
  })

  it.each([
    ['{ type: ipip }', { type: 'ipip' }],
    ['{ type: gue, port: 5555 }', { type: 'gue', port: 5555, checksum: 'none' }],
    ['{ type: gue, port: 5555, checksum: remote }', { type: 'gue', port: 5555, checksum: 'remote' }],
    ['{ type: gre, checksum: full }', { type: 'gre', checksum: 'full' }],
  ])('takes the tunnel %s', (text, tunnel) => {
    expect(onlyPool(service(`forwarding: tunnel, tunnel: ${text}`))?.destinations).toMatchObject([
      { forwarding: { method: 'tunnel', tunnel } },
    ])
  })

  it('takes flags, one-packet scheduling, thresholds, ports, and a method for one real server', () => {
    const text = withServices(
      '{ listen: 10.0.0.100:53/udp, scheduler: mh, schedulerFlags: [port, fallback], onePacket: true, persistence: { engine: sip }, realServers: [{ address: 10.0.0.12, port: 5353, forwarding: masquerade, weight: 0, upperThreshold: 100, lowerThreshold: 80 }, { address: 10.0.0.13 }] }',
    )
    expect(onlyPool(text)).toMatchObject({
      service: { schedulerFlags: ['mh-fallback', 'mh-port'], onePacket: true, persistenceEngine: 'sip' },
      destinations: [
        {
          port: 5353,
          forwarding: { method: 'masquerade' },
          weight: 0,
          upperThreshold: 100,
          lowerThreshold: 80,
        },
        { port: 53, forwarding: { method: 'direct-route' } },
      ],
    })
  })

  it('takes timeouts, a sync daemon in full, and what concerns others', () => {
    const text = `${syncDaemon('role: backup, id: 255, group: 239.0.0.1, port: 9000, ttl: 2, maxLength: 1400')}  timeouts: { tcp: 15m, udp: 30s }
  bindVips: false
  otherServices: remove
`
    expect(wantedOf(text)).toMatchObject({
      timeouts: { tcpSeconds: 900, udpSeconds: 30 },
      syncDaemon: { role: 'backup', syncId: 255, group: '239.0.0.1', port: 9000, ttl: 2, maxLength: 1400 },
      bindsVips: false,
      otherServices: 'remove',
    })
  })

  it('lists all problems at once, each with line, column, what it got and what it wants', () => {
    const text = `director:
  interface: lo
  services:
    - listen: 10.0.0.100:80
      scheduler: fastest
      realServers:
        - { address: 10.0.0.999, weight: -1 }
        - { adress: 10.0.0.13 }
    - listen: 10.0.0.100:443/tcp
      realServers: none
  minimumAvailable: 120%
  service: 1
`
    expect(problems(text)).toEqual([
      '10 problems in the configuration:',
      'FILE:2:14: director.interface: expected the name of a network interface such as eth0, other than lo, received "lo"',
      expect.stringMatching(
        /^FILE:4:15: director\.services\[0\]\.listen: expected VIP:PORT\/PROTOCOL .*, received "10\.0\.0\.100:80"$/,
      ),
      expect.stringMatching(
        /^FILE:5:18: director\.services\[0\]\.scheduler: expected a scheduler of IPVS: rr, .*, received "fastest"$/,
      ),
      expect.stringMatching(
        /^FILE:7:22: director\.services\[0\]\.realServers\[0\]\.address: .*, received "10\.0\.0\.999"$/,
      ),
      expect.stringMatching(/^FILE:7:42: .*\.weight: expected a weight from 0 .* to 65535, received -1$/),
      'FILE:8:11: director.services[0].realServers[1].address: is missing',
      'FILE:8:13: director.services[0].realServers[1].adress: unknown key',
      'FILE:10:20: director.services[1].realServers: expected a list of real servers, or [] where there is none, received "none"',
      'FILE:11:21: director.minimumAvailable: expected a share such as 50%, received "120%"',
      'FILE:12:3: director.service: unknown key',
    ])
  })
})

describe('a service is refused', () => {
  it.each<[string, string, RegExp]>([
    [
      'without listen and mark',
      withServices(`{ ${RS} }`),
      /services\[0\]: expected listen .* or firewallMark/,
    ],
    [
      'with both',
      service('firewallMark: 1'),
      /firewallMark: expected either listen or firewallMark, received 1/,
    ],
    ['with VIPs beside listen', service('vips: [10.0.0.101]'), /vips: expected the VIPs of a firewallMark/],
    ['with mark 0', withServices(`{ firewallMark: 0, ${RS} }`), /firewallMark: .*received 0/],
    [
      'with VIPs of two families',
      withServices(`{ firewallMark: 1, vips: [10.0.0.100, "2001:db8::1"], ${RS} }`),
      /vips\[1\]: expected VIPs of one family.*received "2001:db8::1"/,
    ],
    [
      'with a VIP twice',
      withServices(`{ firewallMark: 1, vips: [10.0.0.100, 10.0.0.100], ${RS} }`),
      /vips\[1\]: expected every item once/,
    ],
    ['on a loopback VIP', withServices(`{ listen: 127.0.0.1:80/tcp, ${RS} }`), /FILE:4:17: .*loopback/],
    [
      'on port 65536',
      withServices(`{ listen: 10.0.0.1:65536/tcp, ${RS} }`),
      /listen: .*"10.0.0.1:65536\/tcp"/,
    ],
    ['of another protocol', withServices(`{ listen: 10.0.0.1:80/icmp, ${RS} }`), /listen: expected VIP:PORT/],
    ['on IPv6 without brackets', withServices(`{ listen: "2001:db8::1:80/tcp", ${RS} }`), /listen: expected/],
    ['of every port alone', withServices(`{ listen: 10.0.0.1:0/tcp, ${RS} }`), /persistence beside port 0/],
    ['with a flag of another scheduler', service('schedulerFlags: [port]'), /flags for sh or mh/],
    ['with one-packet scheduling for TCP', service('onePacket: true'), /for udp alone, received true/],
    ['with a tunnel nobody uses', service('tunnel: { type: ipip }'), /a tunnel where forwarding is tunnel/],
    [
      'with GUE and no port',
      service('forwarding: tunnel, tunnel: { type: gue }'),
      /tunnel: expected a port for gue, and for gue alone, received {"type":"gue"}$/,
    ],
    [
      'with a port for GRE',
      service('forwarding: tunnel, tunnel: { type: gre, port: 1 }'),
      /tunnel\.port: .*received 1/,
    ],
    [
      'with a checksum for IPIP',
      service('forwarding: tunnel, tunnel: { checksum: full, type: ipip }'),
      /tunnel\.checksum: .*received "full"/,
    ],
    [
      'with a remote checksum for GRE',
      service('forwarding: tunnel, tunnel: { checksum: remote, type: gre }'),
      /none or full for gre/,
    ],
    ['with the sip engine for TCP', service('persistence: { engine: sip }'), /the sip engine for udp/],
    ['with half a persistence', service('persistence:'), /expected a persistence: .*, received null/],
    [
      'with persistence below a second',
      service('persistence: { timeout: 1500ms }'),
      /whole seconds.*"1500ms"/,
    ],
    ['with persistence 0', service('persistence: { timeout: 0s }'), /received "0s"/],
    [
      'with a netmask with holes',
      service('persistence: { netmask: 255.0.255.0 }'),
      /a netmask such as 255\.255\.255\.0, received "255\.0\.255\.0"/,
    ],
    [
      'with a prefix length of IPv6',
      service('persistence: { netmask: 64 }'),
      /at most 32 for IPv4, received 64/,
    ],
    ['with onFailure of its own', service('onFailure: panic'), /quiesce or remove, received "panic"/],
    ['with a fallback without port', service('fallback: 127.0.0.1'), /ADDRESS:PORT.*received "127.0.0.1"/],
    [
      'with a fallback of the other family',
      service('fallback: "[2001:db8::9]:80"'),
      /fallback: expected an IPv4 address, as the service is/,
    ],
    [
      'with a real server as its fallback',
      service('fallback: 10.0.0.12:80'),
      /fallback: expected another server than the real servers, .* received "10\.0\.0\.12:80"/,
    ],
    ['with a slow start of no time', service('slowStart: 1s'), /slowStart: .*2s or more.*received "1s"/],
    [
      'with a slow start of weights without steps',
      service('slowStart: 30s'),
      /FILE:4:\d+: director\.services\[0\]\.realServers\[0\]\.weight: expected a weight of 10 or more .*give weights of 10 or more.*received 1$/,
    ],
    [
      'with a slow start by a scheduler that goes by no weights',
      service('slowStart: 30s, scheduler: rr'),
      /services\[0\]\.scheduler: expected wrr, wlc,.* beside slowStart.*received "rr"/,
    ],
    ['with a check of a kind unknown', service('check: { type: smtp }'), /http, https, tcp, icmp or command/],
    ['with a weight as it is not counted', service('scheduler: 1e3'), /received 1e3$/],
  ])('%s', (_, text, message) => expect(problems(text).join('\n')).toMatch(message))

  it('takes a slow start where all have weights for its steps, or none at all', () => {
    const list = '[{ address: 10.0.0.12, weight: 10 }, { address: 10.0.0.13, weight: 0 }]'
    const text = withServices(`{ ${LISTEN}, slowStart: 1m, realServers: ${list} }`)
    expect(onlyPool(text)?.slowStartMs).toBe(60_000)
    expect(onlyPool(service('onFailure: remove'))?.slowStartMs).toBe(null)
  })

  it.each([
    ['', 10_000],
    ['arpAudit: off', null],
    ['arpAudit: 1s', 1_000],
  ])('asks who has the VIPs as told (%j)', (line, expected) =>
    expect(wantedOf(`${withServices(`{ ${LISTEN}, ${RS} }`)}  ${line}\n`).arpAuditMs).toBe(expected),
  )

  it.each(['500ms', 'never', 'false', '10', '10 s'])('refuses an arpAudit of %s', value =>
    expect(problems(`${withServices(`{ ${LISTEN}, ${RS} }`)}  arpAudit: ${value}\n`).join()).toMatch(
      /^FILE:5:13: director\.arpAudit: expected (off, or )?a time /,
    ),
  )

  const realServers = (list: string): string => withServices(`{ ${LISTEN}, realServers: ${list} }`)
  it.each<[string, string, RegExp]>([
    ['twice', '[{ address: 10.0.0.12 }, { address: 10.0.0.12 }]', /realServers\[1\]\.address: .*once/],
    ['that is the VIP', '[{ address: 10.0.0.100 }]', /\(RIP\), not the VIP, received "10\.0\.0\.100"/],
    ['of the other family', '[{ address: "2001:db8::12" }]', /an IPv4 address, as the service is/],
    [
      'on another port',
      '[{ address: 10.0.0.12, port: 8080 }]',
      /direct-route cannot change it.*received 8080/,
    ],
    ['that is nobody', '[{ address: 0.0.0.0 }]', /the address of a host, not .*received "0\.0\.0\.0"/],
    ['that is everybody', '[{ address: 255.255.255.255 }]', /not the broadcast address/],
    ['that is a group', '[{ address: 224.0.0.1 }]', /not a multicast address/],
    ['with a weight too large', '[{ address: 10.0.0.12, weight: 65536 }]', /received 65536/],
    ['with a weight that is text', '[{ address: 10.0.0.12, weight: "1" }]', /received "1"/],
    ['with a weight beyond numbers', '[{ address: 10.0.0.12, weight: .inf }]', /received \.inf/],
    [
      'with thresholds the wrong way round',
      '[{ address: 10.0.0.12, upperThreshold: 5, lowerThreshold: 6 }]',
      /at most upperThreshold, 5, received 6/,
    ],
  ])('with a real server %s', (_, list, message) =>
    expect(problems(realServers(list)).join('\n')).toMatch(message),
  )

  it('takes this host itself as a real server', () => {
    expect(onlyPool(realServers('[{ address: 127.0.0.1 }]'))?.destinations).toHaveLength(1)
  })

  it.each<[string, string, RegExp]>([
    [
      'the same service twice',
      withServices(`{ ${LISTEN}, ${RS} }`, `{ ${LISTEN}, ${RS} }`),
      /FILE:5:17: director\.services\[1\]\.listen: expected every virtual service once; services\[0\] is the same/,
    ],
    [
      'every port beside one of them',
      withServices(`{ ${LISTEN}, ${RS} }`, `{ listen: 10.0.0.100:0/tcp, persistence: {}, ${RS} }`),
      /services\[1\]\.listen: expected no overlap; services\[0\] has ports/,
    ],
    [
      'one port beside every',
      withServices(`{ listen: 10.0.0.100:0/tcp, persistence: {}, ${RS} }`, `{ ${LISTEN}, ${RS} }`),
      /services\[1\]\.listen: expected no overlap; services\[0\] has ports/,
    ],
    [
      'one firewall mark twice',
      withServices(`{ firewallMark: 1, ${RS} }`, `{ ${LISTEN}, ${RS} }`, `{ firewallMark: 1, ${RS} }`),
      /services\[2\]\.firewallMark: .*services\[0\] has it too, received 1/,
    ],
  ])('that is %s', (_, text, message) => expect(problems(text).join('\n')).toMatch(message))

  it('is not, where only the protocol or the family tells two apart', () => {
    const text = withServices(
      `{ ${LISTEN}, ${RS} }`,
      `{ listen: 10.0.0.100:80/udp, ${RS} }`,
      `{ firewallMark: 1, ${RS} }`,
      '{ firewallMark: 1, realServers: [{ address: "2001:db8::1" }] }',
    )
    expect(wantedOf(text).pools).toHaveLength(4)
  })
})

describe('a check', () => {
  const checksOf = (check: string) => load(service(`check: ${check}`)).director?.services[0]?.check
  const TIMING = { interval: 2000, retryInterval: 2000, timeout: 1000, rise: 2, fall: 3, jitter: 0.1 }

  it('is of the real server unless told, and fits into its interval', () => {
    expect(checksOf('{ type: tcp }')).toEqual([{ type: 'tcp', ...TIMING }])
    expect(checksOf('{ type: icmp, interval: 500ms, jitter: 0%, rise: 1, fall: 1 }')).toEqual([
      { type: 'icmp', interval: 500, retryInterval: 500, timeout: 500, rise: 1, fall: 1, jitter: 0 },
    ])
  })

  it('is one, or a list of which all must pass', () => {
    expect(checksOf('[{ type: tcp, port: 81 }, { type: tcp, path: vip }]')).toEqual([
      { type: 'tcp', port: 81, ...TIMING },
      { type: 'tcp', path: 'vip', ...TIMING },
    ])
  })

  it('asks for a page by method, path, host, statuses and body, and looks at the certificate', () => {
    expect(
      checksOf(
        '{ type: https, method: HEAD, path: /up, host: www.example.org, status: [200, 204], verifyCertificate: true }',
      ),
    ).toEqual([
      {
        type: 'https',
        method: 'HEAD',
        path: '/up',
        host: 'www.example.org',
        status: [200, 204],
        verifyCertificate: true,
        ...TIMING,
      },
    ])
  })

  it('takes ranges of statuses', () => {
    const statuses = (status: string) =>
      load(service(`check: { type: http, status: ${status} }`)).director?.services[0]?.check
    expect(statuses('200-203')).toMatchObject([{ status: [200, 201, 202, 203] }])
    expect(statuses('[200-201, 304]')).toMatchObject([{ status: [200, 201, 304] }])
  })

  it('is that of one real server instead of that of its service', () => {
    const config = load(
      withServices(
        `{ ${LISTEN}, check: { type: icmp }, realServers: [{ address: 10.0.0.12, check: [{ type: tcp }, { type: icmp }] }, { address: 10.0.0.13 }] }`,
      ),
    )
    const members = checkedMembers(config.director?.services ?? [], wantedDirector(config), () => UNPROVEN)
    expect(members.map(({ realServer, checks }) => [realServer, checks.length])).toEqual([
      ['10.0.0.12:80', 2],
      ['10.0.0.13:80', 1],
    ])
    expect(leftToRun(config, AS_CONFIGURED)).toHaveLength(1)
    for (const { checks } of members) for (const { check } of checks) check.close()
  })

  it('is made of those real servers alone that have one', () => {
    const config = load(
      withServices(
        `{ ${LISTEN}, realServers: [{ address: 10.0.0.12 }, { address: 10.0.0.13, check: { type: icmp } }] }`,
      ),
    )
    const members = checkedMembers(config.director?.services ?? [], wantedDirector(config), () => UNPROVEN)
    expect(members.map(({ realServer }) => realServer)).toEqual(['10.0.0.13:80'])
    expect(leftToRun(config, AS_CONFIGURED)).toHaveLength(1)
    for (const { checks } of members) for (const { check } of checks) check.close()
  })

  it('is a command of words, which no shell takes apart', () => {
    expect(checksOf('{ type: command, command: [/bin/check, "a b", ""] }')).toEqual([
      { type: 'command', command: ['/bin/check', 'a b', ''], ...TIMING },
    ])
  })

  it.each<[string, string, RegExp]>([
    ['without a type', '{ path: / }', /check\.type: is missing$/],
    ['of nothing', '', /expected a check: .*received null/],
    ['of an empty list', '[]', /FILE:4:\d+: .*check: expected at least one of the checks, received \[\]/],
    ['with a word unknown', '{ type: icmp, port: 7 }', /check\.port: unknown key/],
    ['in a list', '[{ type: tcp }, { type: tcp, prot: 7 }]', /check\[1\]\.prot: unknown key/],
    ['for a status that is none', '{ type: http, status: [200, 99] }', /status\[1\]: .*received 99/],
    ['for a range that ends before it starts', '{ type: http, status: 299-200 }', /range.*"299-200"/],
    ['for a range of nothing', '{ type: http, status: ok }', /an HTTP status from 100 to 599.*"ok"/],
    ['for a body that HEAD has not', '{ type: http, method: HEAD, body: ok }', /no body where .*HEAD/],
    ['for a page called vip', '{ type: http, path: vip }', /a path that starts with \/.*"vip"/],
    ['for a path of TCP', '{ type: tcp, path: / }', /expected vip, the way of a client .*received "\/"/],
    ['with too much jitter', '{ type: tcp, jitter: 51% }', /a share from 0% to 50%.*"51%"/],
    ['with a command of one text', '{ type: command, command: ls -l }', /list of words.*"ls -l"/],
    ['with a command of no words', '{ type: command, command: [] }', /list of words.*\[\]/],
    ['with a command without a name', '{ type: command, command: [""] }', /list of words/],
    ['with a number for a word', '{ type: command, command: [sleep, 1] }', /command\[1\]: expected a word/],
  ])('is refused %s', (_, check, message) =>
    expect(problems(service(`check: ${check}`)).join('\n')).toMatch(message),
  )

  const OTHER = '{ address: 10.0.0.12, check: { type: tcp, path: vip }, forwarding: tunnel }'
  const VIP_PATH = 'check: [{ type: icmp }, { type: tcp, path: vip }]'
  it.each<[string, string, RegExp]>([
    [
      'without a port, where the service has every port',
      withServices(`{ listen: 10.0.0.100:0/tcp, persistence: {}, ${RS}, check: { type: tcp } }`),
      /FILE:4:\d+: director\.services\[0\]\.check: expected a port in the check.*received {"type":"tcp"}/,
    ],
    [
      'the way of a client, where the service is not of TCP',
      withServices(`{ listen: 10.0.0.100:53/udp, ${RS}, ${VIP_PATH} }`),
      /check\[1\]: expected path: vip for tcp alone/,
    ],
    [
      'the way of a client, where the VIP is not told',
      withServices(`{ firewallMark: 1, ${RS}, check: { type: tcp, port: 80, path: vip } }`),
      /check: expected the vips of the firewall mark/,
    ],
    [
      'the way of a client, where frames go another way',
      service(`forwarding: masquerade, ${VIP_PATH}`),
      /check\[1\]: expected path: vip for direct-route alone/,
    ],
    [
      'of one real server, where frames go another way to it',
      withServices(`{ ${LISTEN}, realServers: [${OTHER}] }`),
      /realServers\[0\]\.check: expected path: vip for direct-route alone/,
    ],
  ])('is refused %s', (_, text, message) => expect(problems(text).join('\n')).toMatch(message))
})

describe('a sync daemon is refused', () => {
  it.each<[string, string, RegExp]>([
    ['without a role', syncDaemon('id: 1'), /syncDaemon\.role: is missing/],
    ['with an id too large', syncDaemon('role: master, id: 256'), /received 256/],
    ['to a group that is a host', syncDaemon('role: master, group: 10.0.0.1'), /a multicast address/],
    ['with a length that a backup does not take', syncDaemon('role: backup, maxLength: 500'), /received 500/],
    [
      'with a length too large for IPv6',
      syncDaemon('role: master, group: "ff02::1", maxLength: 65507'),
      /received 65507/,
    ],
    [
      'beside a real server of the other family',
      `${withServices(`{ ${LISTEN}, forwarding: tunnel, realServers: [{ address: "2001:db8::12" }] }`)}  syncDaemon: { role: master, interface: eth1 }`,
      /realServers\[0\]\.address: expected an IPv4 address beside a sync daemon/,
    ],
  ])('%s', (_, text, message) => expect(problems(text).join('\n')).toMatch(message))
})

describe('a file that is half written', () => {
  it.each<[string, string, string]>([
    ['no services', 'director: { interface: eth0 }', 'FILE:1:11: director.services: is missing'],
    [
      'services of nothing',
      'director:\n  interface: eth0\n  services:\n',
      'a list of services, received null',
    ],
    ['an empty list', 'director: { interface: eth0, services: [] }', 'expected at least one service'],
    ['a service of nothing', withServices(''), 'received null'],
    ['no real servers', withServices(`{ ${LISTEN} }`), 'services[0].realServers: is missing'],
    [
      'real servers of nothing',
      withServices(`{ ${LISTEN}, realServers: }`),
      'a list of real servers, or [] where there is none, received null',
    ],
    ['a real server of nothing', withServices(`{ ${LISTEN}, realServers: [{}] }`), 'address: is missing'],
    ['no director', 'director:\n', 'director: expected the director role'],
    ['no interface', `director: { services: [{ ${LISTEN}, ${RS} }] }`, 'director.interface: is missing'],
  ])('is refused: %s', (_, text, message) => expect(problems(text).join('\n')).toContain(message))

  it('is refused or means services with real servers, wherever the documented example is cut off', () => {
    for (let length = 0; length < EXAMPLE.length; length += 7) {
      const config = loadOrLocate(EXAMPLE.slice(0, length))
      for (const { realServers } of config?.director?.services ?? [])
        expect(realServers.length).toBeGreaterThan(0)
    }
  })
})

describe('any section', () => {
  /** What may stand behind each key, at least somewhere. */
  const VALUES: Record<string, unknown[]> = {
    listen: ['10.0.0.100:80/tcp', '10.0.0.100:0/udp', '[2001:db8::1]:80/sctp'],
    firewallMark: [1, 2],
    vips: [['10.0.0.100'], ['2001:db8::1']],
    scheduler: ['rr', 'sh', 'mh'],
    schedulerFlags: [['port'], ['port', 'fallback'], []],
    onePacket: [true, false],
    forwarding: ['direct-route', 'tunnel', 'masquerade'],

    port: [80, 8080],
    weight: [0, 1, 65_535],
    upperThreshold: [0, 10, 0xffff_ffff],
    lowerThreshold: [0, 5, 20],
    timeout: ['5m', '1s', '500ms'],
    netmask: ['255.255.255.0', 24, 64],
    engine: ['sip'],
    type: ['ipip', 'gue', 'gre', 'http'],
    checksum: ['none', 'full', 'remote'],
    role: ['master', 'backup'],
    interface: ['eth0', 'lo'],
    id: [0, 255],
    group: ['224.0.0.81', 'ff02::1', '10.0.0.1'],
    maxLength: [1, 1400, 65_507],
    bindVips: [true, false],
    otherServices: ['keep', 'remove'],
    minimumAvailable: ['50%', '101%'],
    check: [{ type: 'tcp' }, [{ type: 'tcp', path: 'vip' }, { type: 'icmp' }], { type: 'http', body: 'x' }],
  }
  const anything = fc.constantFrom<unknown>(null, true, '', 'x', -1, 0, 65_536, 1.5, [], {})
  const maybe = (...keys: string[]) =>
    fc
      .subarray(keys, { maxLength: 2 })
      .chain(chosen =>
        fc.record(
          Object.fromEntries(
            chosen.map(key => [
              key,
              fc.oneof({ weight: 40, arbitrary: fc.constantFrom(...(VALUES[key] ?? [])) }, anything),
            ]),
          ),
        ),
      )
  const realServer = fc
    .tuple(
      fc.constantFrom('10.0.0.12', '10.0.0.13', '2001:db8::12', '127.0.0.1', '224.0.0.1'),
      maybe('port', 'weight', 'forwarding', 'upperThreshold', 'lowerThreshold', 'check'),
    )
    .map(([address, rest]) => ({ address, ...rest }))
  const optional = <T>(name: string, arbitrary: fc.Arbitrary<T>) =>
    fc.option(arbitrary, { freq: 1 }).map(value => (value === null ? {} : { [name]: value }))
  const serviceLike = fc
    .tuple(
      fc.constantFrom(
        { listen: '10.0.0.100:80/tcp' },
        { listen: '10.0.0.101:53/udp' },
        { listen: '[2001:db8::1]:53/udp' },
        { firewallMark: 1 },
      ),
      fc.array(realServer, { maxLength: 2 }),
      maybe('scheduler', 'schedulerFlags', 'onePacket', 'forwarding', 'vips', 'listen', 'check'),
      optional('persistence', maybe('timeout', 'netmask', 'engine')),
      optional('tunnel', maybe('type', 'port', 'checksum')),
    )
    .map(([key, realServers, ...rest]) => Object.assign({ ...key, realServers }, ...rest))
  const section = fc
    .tuple(
      fc.array(serviceLike, { minLength: 1, maxLength: 2 }),
      maybe('bindVips', 'otherServices', 'interface', 'minimumAvailable'),
      optional('syncDaemon', maybe('role', 'interface', 'id', 'group', 'port', 'maxLength')),
    )
    .map(([services, ...rest]) => ({ director: Object.assign({ interface: 'eth0', services }, ...rest) }))

  it('is what the kernel takes, or an error that says where', () => {
    let taken = 0
    fc.assert(
      fc.property(section, section => {
        const config = loadOrLocate(stringify(section))
        if (config === null) return
        taken++
        const { pools, syncDaemon } = wantedDirector(config)
        for (const { service, destinations } of pools) {
          expect(whyNotService(service)).toBeNull()
          for (const destination of destinations)
            expect(whyNotDestination(destination, service.key)).toBeNull()
        }
        if (syncDaemon !== null) expect(whyNotDaemon(syncDaemon)).toBeNull()
      }),
      { numRuns: 500 },
    )
    expect(taken).toBeGreaterThan(10)
  })
})
