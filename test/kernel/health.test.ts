import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Checker, type CheckTargetLike } from '../support/checker.ts'
import { FaultServer, SERVER_NAME } from '../support/fault-server.ts'
import type { Host } from '../support/host.ts'
import { Segment } from '../support/segment.ts'

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
const outcomeOf = async (check: Record<string, unknown>, to = TARGET) =>
  (await checker.try(check, to)).outcome
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
  const TIMEOUT = { interval: '300ms' }
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
