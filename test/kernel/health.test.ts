import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Checker, type CheckTargetLike, patiently } from '../support/checker.ts'
import { FaultServer, SERVER_NAME } from '../support/fault-server.ts'
import type { Host } from '../support/host.ts'
import { Segment } from '../support/segment.ts'
import { startWebServer } from '../support/web-server.ts'

const RIP = '10.10.10.12'
const VIP = '10.10.10.100'

let segment: Segment
let director: Host
let server: Host
let faults: FaultServer
let checker: Checker
beforeAll(async () => {
  segment = await Segment.build()
  director = await segment.addHost('director', '10.10.10.11/24')
  server = await segment.addHost('real server', `${RIP}/24`)
  await server.namespace.ip('addr add fd00::12/64 dev eth0 nodad')
  await director.namespace.ip('addr add fd00::11/64 dev eth0 nodad')
  faults = await FaultServer.start(server)
  checker = await Checker.start(director, { env: { SSL_CERT_FILE: faults.authorities } })
})
afterAll(async () => {
  await checker[Symbol.asyncDispose]()
  await segment[Symbol.asyncDispose]()
  await faults[Symbol.asyncDispose]()
})

const TARGET: CheckTargetLike = { address: RIP, port: 80, vip: VIP, protocol: 'tcp', nic: 'eth0' }
const target = (changes: Partial<CheckTargetLike>): CheckTargetLike => ({ ...TARGET, ...changes })
const outcomeOf = (check: Record<string, unknown>, to = TARGET) => patiently(checker, check, to)
const http = (path: string, rest = {}) => outcomeOf({ type: 'http', path, ...rest })
const fails = (why: unknown) => ({ kind: 'fail', latencyMs: expect.any(Number), why })
const failsFor = (why: RegExp) => fails(expect.stringMatching(why))
const PASSES = { kind: 'pass', latencyMs: expect.any(Number) }

describe('an HTTP check passes', () => {
  it.each([
    ['for a page', '/', {}],
    ['for a text in it', '/', { body: 'works' }],
    ['for the status alone, however the body goes on', '/gigabyte', {}],
    ['for a text at its end, though the connection is kept open', '/kept-open', { body: 'works\n' }],
    ['for an answer that comes byte by byte', '/in-bytes', { body: 'it works' }],
    ['for a text across two chunks', '/chunked', { body: 'it works' }],
    ['behind an interim answer', '/interim', { body: 'works' }],
    ['for an old server, which ends its body by closing', '/old', { body: 'works' }],
    ['for a status that is asked for', '/503', { status: 503 }],
    ['for one status of a list', '/404', { status: [200, 404] }],
    ['for a redirection, unless told', '/302', {}],
    ['with HEAD', '/', { method: 'HEAD' }],
  ])('%s', async (_, path, rest) => expect(await http(path, rest)).toEqual(PASSES))

  it('says to the server who is asked', async () => {
    expect(await http('/echo', { body: `GET /echo HTTP/1.1\r\nHost: ${RIP}\r\n` })).toEqual(PASSES)
    expect(await http('/echo', { host: SERVER_NAME, body: `Host: ${SERVER_NAME}\r\n` })).toEqual(PASSES)
  })

  it('on IPv6', async () => {
    expect(await outcomeOf({ type: 'http', body: 'works' }, target({ address: 'fd00::12' }))).toEqual(PASSES)
  })
})

describe('an HTTP check fails', () => {
  const TIMEOUT = { timeout: '300ms' }
  it.each([
    ['that hangs', '/hang', TIMEOUT, /^no answer within 300 ms$/],
    [
      'that is slow, by the whole time',
      '/slow',
      TIMEOUT,
      /^the head of its answer did not end within 300 ms$/,
    ],
    [
      'whose body is slow',
      '/slow-body',
      { ...TIMEOUT, body: 'works' },
      /^its answer did not end within 300 ms$/,
    ],
    ['that closes', '/close', {}, /^it closes the connection without an answer$/],
    ['that closes early', '/close-in-head', {}, /^it closes the connection within the head/],
    ['that closes within the body', '/close-in-body', { body: 'works' }, /^it closes .* within the body/],
    ['that resets', '/reset', {}, /^it resets the connection$/],
    [
      'that sends a gigabyte',
      '/gigabyte',
      { body: 'works' },
      /^the first 1048576 bytes .* not contain "works": it/,
    ],
    ['whose head never ends', '/endless-head', {}, /^the head of its answer is longer than 16384 bytes$/],
    ['whose line never ends', '/endless-line', {}, /^the head of its answer is longer than/],
    ['that never comes to the point', '/endless-interim', {}, /^the head of its answer is longer than/],
    ['that is not ready', '/503', {}, /^status 503, expected one from 200 to 399$/],
    ['of another status', '/', { status: [201, 204] }, /^status 200, expected 201 or 204$/],
    [
      'of another text',
      '/',
      { body: 'error' },
      /^its body does not contain "error": it starts with "it works\\n"$/,
    ],
    ['that speaks another language', '/ssh', {}, /^it does not speak HTTP: "SSH-2.0-OpenSSH_9.9"$/],
  ])('for a server %s', async (_, path, rest, why) => {
    expect(await http(path, rest)).toEqual(failsFor(why))
  })

  it('where nobody listens', async () => {
    expect(await outcomeOf({ type: 'http', port: 8080 })).toEqual(failsFor(/^it refuses the connection/))
  })
})

describe('a TCP check', () => {
  const tcp = (port: number, rest = {}) => outcomeOf({ type: 'tcp', port, ...rest })

  it('passes where somebody listens, and leaves no connection behind', async () => {
    const { found } = await checker.try({ type: 'tcp' }, TARGET, { times: 20 })
    expect(found).toEqual({ pass: 20 })
    expect(await director.run('ss', ['-tanH'])).toBe('')
    expect(await server.run('ss', ['-tanH', 'state', 'connected'])).toBe('')
  })

  it('fails at once where nobody listens', async () => {
    const outcome = await tcp(8080)
    expect(outcome).toEqual(failsFor(/^it refuses the connection: nobody listens there/))
    expect(outcome.latencyMs).toBeLessThan(2000)
  })

  it('fails for a host that is gone', async () => {
    const gone = target({ address: '10.10.10.99' })
    expect(await outcomeOf({ type: 'tcp', timeout: '300ms' }, gone)).toEqual(
      failsFor(/^no answer to a SYN for port 80 within 300 ms$/),
    )
    // The kernel gives up asking for its MAC after three seconds.
    expect(await outcomeOf({ type: 'tcp' }, gone)).toEqual(
      failsFor(/^it cannot be reached: nobody answers ARP/),
    )
  })

  it('is not made without a route: that is no fault of the real server', async () => {
    expect(await outcomeOf({ type: 'tcp' }, target({ address: '192.0.2.1' }))).toEqual({
      kind: 'unknown',
      latencyMs: expect.any(Number),
      why: expect.stringContaining('ENETUNREACH'),
    })
  })

  it('ends at once when it is broken off', async () => {
    for (const check of [{ type: 'tcp' }, { type: 'http' }, { type: 'icmp' }]) {
      const gone = target({ address: '10.10.10.98' })
      const { outcome, tookMs } = await checker.try({ timeout: '19s', ...check }, gone, {
        abortAfterMs: 50,
      })
      expect(outcome).toEqual({ kind: 'unknown', latencyMs: expect.any(Number), why: 'broken off' })
      expect(tookMs).toBeLessThan(5000)
    }
  })
})

describe('an HTTPS check', () => {
  const https = (port: number, rest = {}) => outcomeOf({ type: 'https', port, ...rest })
  const EXPIRED = /^its certificate expired on 20/
  const TRUSTED = { verifyCertificate: true, host: SERVER_NAME }

  it('takes any certificate, and tells of one that ends', async () => {
    expect(await https(443, { body: 'works' })).toEqual(PASSES)
    expect(await https(445)).toEqual({
      ...PASSES,
      note: expect.stringMatching(/^its certificate ends in 3 days, on/),
    })
    expect(await https(444)).toEqual({ ...PASSES, note: expect.stringMatching(EXPIRED) })
  })

  it('tells the server its name', async () => {
    expect(await https(443, { host: SERVER_NAME, path: '/echo', body: `Host: ${SERVER_NAME}` })).toEqual(
      PASSES,
    )
  })

  it('verifies the certificate where it is told to', async () => {
    expect(await https(443, TRUSTED)).toEqual(PASSES)
    expect(await https(444, TRUSTED)).toEqual(failsFor(/certificate is not to be trusted: expired on 20/))
    expect(await https(443, { ...TRUSTED, host: 'www.example.net' })).toEqual(
      failsFor(/not to be trusted: it is not for www.example.net$/),
    )
  })

  it.each([
    ['no TLS', 82, {}, /^no TLS with it: /],
    ['a reset', 81, {}, /^it (resets the connection|ends the connection before TLS)/],
    ['nothing', 8443, {}, /^it refuses the connection/],
    ['a wrong text', 443, { body: 'error' }, /^its body does not contain/],
    ['silence', 443, { path: '/hang', timeout: '400ms' }, /^no answer within 400 ms$/],
    ['a gigabyte', 443, { path: '/gigabyte', body: 'works' }, /^the first 1048576 bytes/],
    ['an end', 443, { path: '/close' }, /^it closes the connection without an answer$/],
  ])('fails for %s', async (_, port, rest, why) => {
    expect(await https(port, rest)).toEqual(failsFor(why))
    await expect.poll(() => director.run('ss', ['-tanH'])).toBe('')
  })
})

describe('an ICMP check', () => {
  it('passes for a host that is there, of either family', async () => {
    const { found } = await checker.try({ type: 'icmp' }, TARGET, { times: 200 })
    expect(found).toEqual({ pass: 200 })
    expect(await outcomeOf({ type: 'icmp' }, target({ address: 'fd00::12' }))).toEqual(PASSES)
  })

  it('fails for one that is gone, while others answer', async () => {
    const gone = outcomeOf({ type: 'icmp', timeout: '300ms' }, target({ address: '10.10.10.97' }))
    expect(await outcomeOf({ type: 'icmp' })).toEqual(PASSES)
    expect(await gone).toEqual(fails('no answer to a ping within 300 ms'))
  })
})

describe('a command', () => {
  const command = (...words: string[]) => outcomeOf({ type: 'command', command: words })

  it('passes with exit status 0, and is told whom it is about', async () => {
    expect(await command('true')).toEqual(PASSES)
    const script = `test "$RS_AGENT_RIP $RS_AGENT_VIP $RS_AGENT_PORT" = "${RIP} ${VIP} 80"`
    expect(await command('sh', '-c', script)).toEqual(PASSES)
  })

  it('runs without a shell', async () => {
    expect(await command('test', '$HOME; *', '=', '$HOME; *')).toEqual(PASSES)
  })

  it('fails with another status, for its last words', async () => {
    expect(await command('sh', '-c', 'echo first; echo "no \u001b[31mdatabase" >&2; exit 2')).toEqual(
      fails('sh: exit status 2: no  [31mdatabase'),
    )
    expect(await command('false')).toEqual(fails('false: exit status 1'))
    expect(await command('sh', '-c', 'kill -TERM $$')).toEqual(fails('sh: ended by SIGTERM'))
  })

  it('that there is not is no fault of the real server', async () => {
    expect(await command('/nowhere/check')).toEqual({
      kind: 'unknown',
      latencyMs: expect.any(Number),
      why: 'cannot run /nowhere/check: there is no such program',
    })
  })

  it('that floods its output is ended', async () => {
    expect(await command('yes')).toEqual(fails('yes writes more than 1048576 bytes'))
    expect(await running('yes')).toBe('')
  })

  it.each([
    ['never ends', 'exec sleep 4711'],
    ['forks', 'sleep 4711 & sleep 4711'],
    ['does not listen', 'trap "" TERM INT HUP; sleep 4711; sleep 4711'],
  ])('that %s is ended with all that it started', async (_, script) => {
    const check = { type: 'command', command: ['sh', '-c', script], timeout: '2s' }
    expect(await outcomeOf(check)).toEqual(fails('sh did not end within 2000 ms'))
    await expect.poll(() => running('sleep 4711')).toBe('')
  })

  it.each([
    ['starts a session of its own', 'setsid sleep 4712 & wait'],
    ['forks twice', '(setsid sh -c "sleep 4712 & exit" &) ; sleep 4712'],
    ['forks twice and has ended itself', 'setsid sh -c "sleep 4712 & sleep 4712 & exit" & exec sleep 4712'],
    ['starts another program as another user', 'setsid setpriv --reuid=65534 sleep 4712 & wait'],
    [
      'starts 10 sessions, and another for each that ends',
      `for n in $(seq 10); do setsid sh -c 'while :; do setsid -f -w sleep 4712 & wait; done' & done; wait`,
    ],
  ])('that %s is ended with all of them when its time is over', async (_, script) => {
    const check = { type: 'command', command: ['sh', '-c', script], timeout: '2s' }
    const { outcome } = await checker.try(check, TARGET)
    expect(outcome.kind).not.toBe('pass')
    await expect.poll(() => running('.*sleep 4712.*'), { timeout: 20_000 }).toBe('')
  })

  it('whose time ends when no descriptor is left is ended as soon as there is one', async () => {
    // Lets go of its output first: pipes that end with it would be descriptors again.
    const script = 'exec >/dev/null 2>&1; setsid sleep 4712 & wait'
    const check = { type: 'command', command: ['sh', '-c', script], timeout: '8s' }
    // Of its own: what is taken from it is taken from no other test.
    await using poor = await Checker.start(director)
    const trying = poor.try(check, TARGET)
    await expect.poll(() => running('sleep 4712'), { timeout: 10_000 }).not.toBe('')
    // A limit, and not all of them taken: some come back, of what was under way.
    await poor.limitDescriptors(0)
    expect((await trying).outcome.kind).not.toBe('pass')
    expect(await running('sleep 4712')).not.toBe('')
    await poor.limitDescriptors(1024)
    await expect.poll(() => running('sleep 4712'), { timeout: 20_000 }).toBe('')
  })

  it('that ends in time may leave a daemon, but nobody in its own group', async () => {
    // Its starter may end before it has a session of its own.
    const script =
      'setsid -f sleep 4713; until pgrep -fx "sleep 4713" >/dev/null; do :; done; sleep 4714 & exit 0'
    expect(await command('sh', '-c', script)).toEqual(PASSES)
    await expect.poll(() => running('sleep 4714')).toBe('')
    const daemon = await running('sleep 4713')
    process.kill(Number.parseInt(daemon, 10))
    expect(daemon).toMatch(/^\d+ sleep 4713$/)
  })

  it('that leaves somebody behind who holds its output is not waited for', async () => {
    const check = { type: 'command', command: ['sh', '-c', 'sleep 4711 & echo gone; exit 3'] }
    const { outcome, tookMs } = await checker.try(check, TARGET)
    expect(outcome).toEqual(fails('sh: exit status 3: gone'))
    expect(tookMs).toBeLessThan(5000)
    await expect.poll(() => running('sleep 4711')).toBe('')
  })

  it('has its whole time once its turn comes, also where more hang than run at a time', async () => {
    const many = (words: string[], timeout: string) =>
      checker.try({ type: 'command', command: words, timeout }, TARGET, { times: 40 })
    expect((await many(['sleep', '1'], '10s')).found).toEqual({ pass: 40 })
    const { found } = await many(['sleep', '4711'], '1s')
    const { 'fail: sleep did not end within 1000 ms': hanging = 0, ...others } = found
    // All of them at once is where it counts: no more than this machine's haste may excuse some.
    expect(hanging).toBeGreaterThan(20)
    expect(Object.keys(others).filter(words => !/^unknown: this host was held up$/.test(words))).toEqual([])
    await expect.poll(() => running('sleep 4711')).toBe('')
  })

  it('is not to blame when its turn does not come', async () => {
    const check = { type: 'command', command: ['sleep', '4711'], timeout: '100ms' }
    const { found } = await checker.try(check, TARGET, { times: 400 })
    expect(found['unknown: sleep waited too long for other commands to end']).toBeGreaterThan(0)
    const { outcome } = await checker.try({ ...check, timeout: '5s' }, TARGET, { abortAfterMs: 0 })
    expect(outcome).toMatchObject({ kind: 'unknown', why: 'broken off' })
    await expect.poll(() => running('sleep 4711')).toBe('')
  })

  const running = async (what: string): Promise<string> => {
    const { stdout } = await director.spawn('pgrep', ['-fxa', what], { input: '' })
    return stdout
  }
})

describe('the way of a client', () => {
  const path = (changes: Partial<CheckTargetLike> = {}) =>
    outcomeOf({ type: 'tcp', path: 'vip' }, target(changes))
  const shut = (changes: Partial<CheckTargetLike> = {}) =>
    outcomeOf({ type: 'tcp', path: 'vip', timeout: '900ms' }, target(changes))
  const LOST = /^it answers on its own address, not for the VIP: it lost 10.10.10.100, or a firewall/

  beforeAll(async () => {
    for (const each of ['arp_ignore', 'arp_announce'] as const)
      await server.namespace.writeSysctl(`ipv4/conf/all/${each}`, each === 'arp_ignore' ? 1 : 2)
    await server.namespace.ip(`addr add ${VIP}/32 dev lo`)
    await director.namespace.ip(`addr add ${VIP}/32 dev eth0`)
  })

  it('is open, again and again, and leaves no half-open connection there', async () => {
    const check = { type: 'tcp', path: 'vip' }
    expect((await checker.try(check, TARGET, { times: 50 })).found).toEqual({ pass: 50 })
    expect((await checker.try(check, TARGET, { times: 50, atOnce: 1 })).found).toEqual({ pass: 50 })
    expect(await server.run('ss', ['-tanH', 'state', 'syn-recv'])).toBe('')
  })

  it('is asked of each real server, not of whoever answers first', async () => {
    const other = await segment.addHost('other', '10.10.10.13/24')
    try {
      const both = await Promise.all([path(), shut({ address: '10.10.10.13' })])
      expect(both).toEqual([PASSES, failsFor(LOST)])
    } finally {
      await segment.removeHost(other)
    }
  })

  it('is shut where the VIP was lost, while the address answers: it says so, until the VIP is back', async () => {
    await server.namespace.ip(`addr del ${VIP}/32 dev lo`)
    try {
      expect(await shut()).toEqual(failsFor(LOST))
      expect(await outcomeOf({ type: 'http' })).toEqual(PASSES)
    } finally {
      await server.namespace.ip(`addr add ${VIP}/32 dev lo`)
    }
    expect(await path()).toEqual(PASSES)
  })

  it('is shut at once where nobody listens', async () => {
    const outcome = await path({ port: 8080 })
    expect(outcome).toEqual(failsFor(/^nobody listens on 10.10.10.100:8080 there: it answers with a reset/))
    expect(outcome.latencyMs).toBeLessThan(2000)
  })

  it('is shut where a firewall drops what comes', async () => {
    await server.run('nft', ['-f', '-'], {
      input: 'table ip t { chain c { type filter hook input priority 0; tcp dport 80 drop; }; }',
    })
    try {
      expect(await shut()).toEqual(failsFor(/^no answer to a SYN for 10.10.10.100:80 within 900 ms, nor on/))
      expect(await outcomeOf({ type: 'tcp', timeout: '300ms' })).toEqual(failsFor(/^no answer to a SYN/))
    } finally {
      await server.run('nft', ['delete', 'table', 'ip', 't'])
    }
    expect(await path()).toEqual(PASSES)
  })

  it('is shut where nobody answers ARP', async () => {
    expect(await shut({ address: '10.10.10.96' })).toEqual(
      failsFor(/^it does not answer ARP for its own address/),
    )
  })

  it('goes to the MAC that the address has now', async () => {
    await server.namespace.ip('link set eth0 address 02:00:00:00:77:77')
    await director.namespace.ip(`neigh replace ${RIP} lladdr 02:00:00:00:77:77 nud stale dev eth0`)
    try {
      expect(await path()).toEqual(PASSES)
    } finally {
      await server.namespace.ip(`link set eth0 address ${server.mac}`)
      await director.namespace.ip(`neigh del ${RIP} dev eth0`)
    }
    expect(await path()).toEqual(PASSES)
  })

  it('cannot be tried without the cable, or off the segment: that is no fault of the real server', async () => {
    const unknown = (why: RegExp) => ({
      kind: 'unknown',
      latencyMs: expect.any(Number),
      why: expect.stringMatching(why),
    })
    expect(await path({ nic: 'eth7' })).toEqual(unknown(/^there is no eth7$/))
    expect(await path({ address: '192.0.2.1' })).toEqual(unknown(/^eth0 has no address in the subnet of/))
    const [{ port } = { port: '' }] = director.nics
    await segment.switch.ip(`link set ${port} down`)
    try {
      await expect.poll(() => path()).toEqual(unknown(/^eth0 has no carrier$/))
    } finally {
      await segment.switch.ip(`link set ${port} up`)
    }
    await expect.poll(() => path()).toEqual(PASSES)
  })

  it('is found again behind a NIC that was down while nobody asked', async () => {
    await using steady = await Checker.start(director)
    const check = { type: 'tcp', path: 'vip' }
    // For one that is gone: it sends nothing, and keeps open what they share.
    const gone = steady.try(check, target({ address: '10.10.10.94' }), { abortAfterMs: 5000 })
    expect(await patiently(steady, check, TARGET)).toEqual(PASSES)
    await director.namespace.ip(
      'link set eth0 down',
      'link set eth0 up',
      'addr add fd00::11/64 dev eth0 nodad',
    )
    await expect.poll(() => patiently(steady, check, TARGET)).toEqual(PASSES)
    expect((await gone).outcome).toMatchObject({ kind: 'unknown', why: 'broken off' })
  })

  it('is its own, where this host is the real server', async () => {
    const own = { address: director.address }
    expect(await path(own)).toEqual(failsFor(/^it refuses the connection/))
    const web = await startWebServer(director)
    expect(await path(own)).toEqual(PASSES)
    await web.stop()
  })
})

describe('this host', () => {
  const KINDS = [
    { type: 'tcp' },
    { type: 'http', body: 'works' },
    { type: 'https', port: 443 },
    { type: 'icmp' },
    { type: 'command', command: ['true'] },
    { type: 'tcp', path: 'vip' },
  ]

  it('without file descriptors takes nobody out, and goes on when there are some', async () => {
    await using poor = await Checker.start(director, { descriptors: 64 })
    for (const check of KINDS) {
      await poor.takeDescriptors(0)
      const outcome = await patiently(poor, check, TARGET)
      await poor.takeDescriptors(null)
      expect(outcome, JSON.stringify(check)).toMatchObject({ kind: 'unknown' })
      expect(await patiently(poor, check, TARGET), JSON.stringify(check)).toEqual(PASSES)
    }
  })

  it('that can look up no name asks all the same', async () => {
    await expect(director.run('getent', ['hosts', SERVER_NAME])).rejects.toThrow()
    expect(await http('/', { host: SERVER_NAME })).toEqual(PASSES)
    const https = { type: 'https', port: 443, host: SERVER_NAME, verifyCertificate: true }
    expect(await outcomeOf(https)).toEqual(PASSES)
  })

  it('without rights says so, where the kind needs some', async () => {
    const words = [
      'setpriv',
      '--bounding-set',
      '-net_raw',
      '--inh-caps',
      '-net_raw',
      '--ambient-caps',
      '-all',
    ]
    await using bare = await Checker.start(director, { through: words })
    for (const check of [{ type: 'icmp' }, { type: 'tcp', path: 'vip' }])
      expect(await patiently(bare, check, TARGET)).toMatchObject({
        kind: 'unknown',
        why: expect.stringContaining('EPERM'),
      })
    expect(await patiently(bare, { type: 'http' }, TARGET)).toEqual(PASSES)
  })

  it('that was stopped for longer than a check takes, blames nobody when it goes on', async () => {
    await using stopped = await Checker.start(director)
    const checks = [
      { type: 'http', path: '/hang' },
      { type: 'icmp' },
      { type: 'tcp' },
      { type: 'command', command: ['sleep', '60'] },
    ].map(check =>
      stopped.try(
        { timeout: '300ms', ...check },
        target({ address: check.type === 'http' ? RIP : '10.10.10.95' }),
      ),
    )
    await stopped.standStill(1500)
    for (const { outcome } of await Promise.all(checks))
      expect(outcome).toMatchObject({
        kind: 'unknown',
        why: 'this host was held up',
      })
  })

  it('that was stopped a moment when the time was over hears what has come meanwhile', async () => {
    await using stopped = await Checker.start(director)
    const trying = ['/', '/hang'].map(path => stopped.try({ type: 'http', path, timeout: '3s' }, TARGET))
    await stopped.standStill(3500)
    const [answered, silent] = await Promise.all(trying)
    expect(answered?.outcome).toEqual(PASSES)
    expect(silent?.outcome).toEqual(fails('no answer within 3000 ms'))
  })

  it('whose clock is set meanwhile measures the time that passed', async () => {
    await using traveller = await Checker.start(director)
    for (const byMs of [86_400_000, -2 * 86_400_000]) {
      const trying = traveller.try({ type: 'http', path: '/hang', timeout: '2s' }, TARGET)
      await traveller.setClock(byMs)
      const { outcome, tookMs } = await trying
      expect(outcome).toEqual(fails('no answer within 2000 ms'))
      expect(outcome.latencyMs).toBeGreaterThan(1990)
      expect(tookMs).toBeLessThan(10_000)
    }
  })

  it('uses no more memory and no more descriptors after 100,000 checks', async () => {
    await using steady = await Checker.start(director)
    const checks = [
      { type: 'tcp' },
      { type: 'http', body: 'works' },
      { type: 'icmp' },
      { type: 'tcp', path: 'vip' },
    ]
    const round = async (times: number): Promise<void> => {
      for (const check of checks)
        expect((await steady.try(check, TARGET, { times, atOnce: 20 })).found).toEqual({ pass: times })
    }
    await round(5_000)
    const before = await steady.usage()
    await round(20_000)
    const after = await steady.usage()
    expect(after.descriptors).toBeLessThanOrEqual(before.descriptors)
    expect(after.heapBytes - before.heapBytes).toBeLessThan(1_000_000)
    // Of a leak of 400 bytes in each there would be as much.
    expect(after.rssBytes - before.rssBytes).toBeLessThan(32_000_000)
  }, 300_000)

  describe('without its cable', () => {
    const unplug = async (state: 'down' | 'up') => {
      const [{ port } = { port: '' }] = director.nics
      await segment.switch.ip(`link set ${port} ${state}`)
    }
    const cut = (why: RegExp) => ({
      kind: 'unknown',
      latencyMs: expect.any(Number),
      why: expect.stringMatching(why),
    })
    const ASKED = KINDS.filter(({ type }) => type !== 'command').map(kind => ({ ...kind, timeout: '700ms' }))

    it('takes nobody out, whatever it asks', async () => {
      await unplug('down')
      try {
        // The kernel tells it up to a second later.
        await expect
          .poll(() => outcomeOf({ type: 'tcp', timeout: '700ms' }), { timeout: 10_000 })
          .toEqual(cut(/^eth0 has no carrier$/))
        for (const check of [...ASKED, { type: 'command', command: ['false'] }])
          expect(await outcomeOf(check), JSON.stringify(check)).toEqual(cut(/^eth0 has no carrier$/))
      } finally {
        await unplug('up')
      }
      for (const check of ASKED) await expect.poll(() => outcomeOf(check)).toEqual(PASSES)
    })

    it('for a moment within the try, takes nobody out either', async () => {
      // It answers nothing; the real server is there and the director's NIC is up again when the time is over.
      const trying = checker.try({ type: 'http', path: '/hang', timeout: '3s' }, TARGET)
      await unplug('down')
      await director.run('sh', ['-c', 'until ip -o link show eth0 | grep -q NO-CARRIER; do sleep 0.05; done'])
      await unplug('up')
      await director.run('sh', ['-c', 'while ip -o link show eth0 | grep -q NO-CARRIER; do sleep 0.05; done'])
      expect((await trying).outcome).toEqual(cut(/^eth0 was unplugged for a while$/))
      expect(await outcomeOf({ type: 'http', path: '/hang', timeout: '300ms' })).toEqual(
        failsFor(/^no answer/),
      )
    })

    it('does not excuse a real server whose own cable is out', async () => {
      const [{ port } = { port: '' }] = server.nics
      await segment.switch.ip(`link set ${port} down`)
      try {
        expect(await outcomeOf({ type: 'tcp', timeout: '700ms' })).toEqual(failsFor(/./))
      } finally {
        await segment.switch.ip(`link set ${port} up`)
      }
      await expect.poll(() => outcomeOf({ type: 'tcp' })).toEqual(PASSES)
    })
  })
})
