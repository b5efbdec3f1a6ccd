import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Claim } from '../../agent/realserver/sentinel.ts'
import { startArpStorm } from '../support/arp-storm.ts'
import { firstLine } from '../support/first-line.ts'
import type { Host } from '../support/host.ts'
import type { Spawned } from '../support/namespace.ts'
import { useSegment, VIP } from '../support/real-server.ts'
import type { SentinelEnd, SentinelEvent, SentinelPlan } from './sentinel-process.ts'

const SECOND_VIP = '10.10.10.101'
const UNWATCHED_VIP = '10.10.10.102'
/** Nobody is there. */
const NOBODY = '10.10.10.99'

const network = useSegment()
let server: Host
let client: Host
beforeEach(async () => {
  server = await network.bootHost()
  client = await network.bootHost()
  await server.namespace.ip(...[VIP, SECOND_VIP, UNWATCHED_VIP].map(vip => `addr add ${vip}/32 dev lo`))
})

describe('the sentinel', () => {
  it('sees each answer of a loud host, with the VIP, the NIC, the MAC and who was told', async () => {
    await using sentinel = await Sentinel.start(server, { vips: [VIP] })
    const startedAt = Date.now()
    const answered = await askFor(VIP, { perSecond: 200, limitMs: 500 })
    expect(answered).toBeGreaterThan(0)
    await sentinel.until(({ claims }) => claims.length >= answered)
    await sentinel.stop()
    expect(sentinel.claims).toHaveLength(answered)
    const claim = { vip: VIP, nic: 'eth0', mac: server.mac, kind: 'reply', toldTo: client.address }
    for (const seen of sentinel.claims) expect(seen).toMatchObject(claim)
    const [first] = sentinel.claims
    expect(Date.parse(String(first?.at))).toBeGreaterThanOrEqual(startedAt)
    expect(Date.parse(String(first?.at))).toBeLessThanOrEqual(Date.now())
  })

  it('sees a question that names the VIP as its sender, and whom it was about', async () => {
    await using sentinel = await Sentinel.start(server, { vips: [VIP] })
    await sendFrom(VIP, NOBODY)
    await sentinel.until(({ claims }) => claims.length > 0)
    expect(sentinel.claims[0]).toMatchObject({
      vip: VIP,
      nic: 'eth0',
      mac: server.mac,
      kind: 'request',
      toldTo: NOBODY,
    })
  })

  it('sees every NIC and every VIP that it is told of, and no other', async () => {
    await network.segment.plugIn(server, 'eth1', `10.10.10.${199 - server.number}/24`)
    await network.segment.plugIn(server, 'eth2', `10.10.10.${229 - server.number}/24`)
    await using sentinel = await Sentinel.start(server, { nics: ['eth0', 'eth1'], vips: [VIP, SECOND_VIP] })
    // Linux answers on every NIC that hears the question.
    for (const vip of [UNWATCHED_VIP, VIP, SECOND_VIP]) await askFor(vip)
    const places = (claims: readonly Claim[]) =>
      [...new Set(claims.map(({ vip, nic }) => `${vip} ${nic}`))].sort()
    const expected = [VIP, SECOND_VIP].flatMap(vip => ['eth0', 'eth1'].map(nic => `${vip} ${nic}`))
    await sentinel.until(({ claims }) => places(claims).length >= expected.length)
    await sentinel.stop()
    expect(places(sentinel.claims)).toEqual(expected)
    const macOf = new Map(server.nics.map(({ name, mac }) => [name, mac]))
    for (const { nic, mac } of sentinel.claims) expect(mac).toBe(macOf.get(nic))
  })

  it('is quiet, and costs next to nothing, while a quiet host is asked 2,000 times a second', async () => {
    await server.namespace.writeSysctl('ipv4/conf/all/arp_ignore', 1)
    await server.namespace.writeSysctl('ipv4/conf/all/arp_announce', 2)
    await using sentinel = await Sentinel.start(server, { vips: [VIP] })
    await using unfiltered = await Sentinel.start(server, { watch: 'everything', vips: [VIP] })
    const storm = await startArpStorm(client, VIP, { perSecond: 2_000, limitMs: 3_000 })
    const { sent, answered } = await storm.ended
    expect(sent).toBeGreaterThan(1_000)
    const quiet = await sentinel.stop()
    const loud = await unfiltered.stop()
    expect(answered).not.toHaveProperty(server.mac)
    expect(sentinel.events).toEqual([])
    expect(loud.frames).toBeGreaterThan(sent / 2)
    expect(quiet.cpuMs).toBeLessThan(loud.cpuMs / 4)
  })

  it('tells once that it was blind while its NIC was down, and goes on', async () => {
    await using sentinel = await Sentinel.start(server, { vips: [VIP] })
    await server.namespace.ip('link set eth0 down')
    await sentinel.until(({ blind }) => blind.length > 0)
    // That it does not tell it again has no event to wait for: five times it tries anew.
    await sleep(1_000)
    await server.namespace.ip('link set eth0 up')
    await untilSeen(sentinel)
    await sentinel.stop()
    expect(sentinel.blind).toHaveLength(1)
    expect(sentinel.blind[0]).toMatch(/ENETDOWN|down/)
  })

  it('tells of each time that its NIC goes down', async () => {
    await using sentinel = await Sentinel.start(server, { vips: [VIP] })
    for (const times of [1, 2]) {
      await server.namespace.ip('link set eth0 down')
      await sentinel.until(({ blind }) => blind.length >= times)
      await server.namespace.ip('link set eth0 up')
      const before = sentinel.claims.length
      await untilSeen(sentinel, before)
    }
    await sentinel.stop()
    expect(sentinel.blind).toHaveLength(2)
  })

  it('watches the other NICs while one of them is down', async () => {
    await network.segment.plugIn(server, 'eth1', `10.10.10.${199 - server.number}/24`)
    await using sentinel = await Sentinel.start(server, { nics: ['eth0', 'eth1'], vips: [VIP] })
    await server.namespace.ip('link set eth1 down')
    await untilSeen(sentinel)
    await sentinel.stop()
    expect(sentinel.claims.map(({ nic }) => nic)).not.toContain('eth1')
  })

  it('is ended by the signal at once, on a NIC that is up and on one that is down', async () => {
    for (const state of ['up', 'down']) {
      await using sentinel = await Sentinel.start(server, { vips: [VIP] })
      await server.namespace.ip(`link set eth0 ${state}`)
      if (state === 'down') await sentinel.until(({ blind }) => blind.length > 0)
      const { tookMs } = await sentinel.stop()
      // Less than the time for which it listens at a stretch.
      expect(tookMs).toBeLessThan(500)
    }
  })

  it('has nothing to watch where every VIP is of IPv6', async () => {
    await using sentinel = await Sentinel.start(server, { vips: ['2001:db8::100'] })
    await sentinel.ended
    expect(sentinel.events).toEqual([])
  })
})

/** How many answers the client got from the server. */
async function askFor(vip: string, { perSecond = 100, limitMs = 100 } = {}): Promise<number> {
  const storm = await startArpStorm(client, vip, { perSecond, limitMs })
  const { answered } = await storm.ended
  const macs = server.nics.map(({ mac }) => mac)
  return macs.reduce((sum, mac) => sum + (answered[mac] ?? 0), 0)
}

/** Once the cable forwards again and the tap is open, whatever comes first. */
async function untilSeen(sentinel: Sentinel, before = 0): Promise<void> {
  while (sentinel.claims.length <= before) await askFor(VIP)
}

/** A packet, for which the kernel asks who has the target; with arp_announce 0 in the name of the source. */
async function sendFrom(source: string, target: string): Promise<void> {
  const script = `const socket = require('node:dgram').createSocket('udp4')
    socket.bind(0, '${source}', () => socket.send('', 9, '${target}', () => socket.close()))`
  await server.run(process.execPath, ['-e', script])
}

/** A sentinel in a process of the host's, with what it has told. */
class Sentinel implements AsyncDisposable {
  readonly events: SentinelEvent[] = []
  readonly ended: Promise<SentinelEnd>
  readonly #process: Spawned
  #onEvent: () => void = () => undefined

  static async start(host: Host, options: Partial<SentinelPlan>): Promise<Sentinel> {
    const plan: SentinelPlan = { watch: 'claims', nics: ['eth0'], vips: [], ...options }
    const spawned = host.spawn(process.execPath, [program, JSON.stringify(plan)])
    const sentinel = new Sentinel(spawned)
    await firstLine(spawned)
    return sentinel
  }

  private constructor(spawned: Spawned) {
    this.#process = spawned
    this.ended = new Promise((resolve, reject) => {
      createInterface(spawned.stdout).on('line', line => {
        if (line === 'ready') return
        const told: SentinelEvent | SentinelEnd = JSON.parse(line)
        if (told.kind === 'ended') return resolve(told)
        this.events.push(told)
        this.#onEvent()
      })
      void spawned.then(({ exitCode, stderr }) =>
        reject(new Error(`the sentinel has ended: exit code ${exitCode}: ${stderr}`)),
      )
    })
    this.ended.catch(() => undefined)
  }

  get claims(): Claim[] {
    return this.events.flatMap(event => (event.kind === 'claim' ? [event.claim] : []))
  }

  get blind(): string[] {
    return this.events.flatMap(event => (event.kind === 'blind' ? [event.why] : []))
  }

  async until(isEnough: (sentinel: Sentinel) => boolean): Promise<void> {
    while (!isEnough(this)) {
      const next = new Promise<void>(resolve => (this.#onEvent = resolve))
      await Promise.race([next, this.ended])
    }
  }

  stop(): Promise<SentinelEnd> {
    this.#process.stdin.write('stop\n')
    return this.ended
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.#process
  }
}

const program = fileURLToPath(new URL('./sentinel-process.ts', import.meta.url))
