import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ArpWatchEvent } from '../../agent/realserver/keep/arp-watch.ts'
import { startArpStorm } from '../support/arp-storm.ts'
import { firstLine } from '../support/first-line.ts'
import type { Host } from '../support/host.ts'
import type { Spawned } from '../support/namespace.ts'
import { VIP } from '../support/real-server.ts'
import { Segment } from '../support/segment.ts'
import type { WatchEnd, WatchPlan } from './arp-watch-process.ts'

/** Nobody is there. */
const NOBODY = '10.10.10.250'

let segment: Segment
let server: Host
let director: Host
let other: Host
beforeEach(async () => {
  // What a kernel still asks in the name of the VIP, after its test has ended, is a claim.
  segment = await Segment.build()
  server = await segment.addHost('server', '10.10.10.12/24')
  director = await segment.addHost('director', '10.10.10.11/24')
  other = await segment.addHost('other', '10.10.10.20/24')
  await server.namespace.writeSysctl('ipv4/conf/all/arp_ignore', 1)
  await server.namespace.writeSysctl('ipv4/conf/all/arp_announce', 2)
  await server.namespace.ip(`addr add ${VIP}/32 dev lo`)
})
afterEach(() => segment[Symbol.asyncDispose]())

describe('claims of this host', () => {
  it('is told of the first answer of a loud host at once, and of the others by their number', async () => {
    await using watch = await Watch.start()
    await server.namespace.writeSysctl('ipv4/conf/all/arp_ignore', 0)
    const storm = await startArpStorm(other, VIP, { perSecond: 500, limitMs: 1_500 })
    const { answered } = await storm.ended
    const count = answered[server.mac] ?? 0
    expect(count).toBeGreaterThan(0)
    const claims = () => watch.of('own-claim')
    await watch.until(() => claims().reduce((sum, claim) => sum + claim.count, 0) >= count)
    const known = { vip: VIP, nic: 'eth0', mac: server.mac, frame: 'reply', toldTo: other.address }
    expect(claims()[0]).toMatchObject(known)
    await watch.stop()
    expect(claims().reduce((sum, claim) => sum + claim.count, 0)).toBe(count)
    // Once a second, and once at the beginning.
    expect(claims().length).toBeLessThanOrEqual(4)
    expect(watch.of('foreign-claim')).toEqual([])
  })

  it('is told whom a question in the name of the VIP was about', async () => {
    await server.namespace.writeSysctl('ipv4/conf/all/arp_announce', 0)
    await using watch = await Watch.start()
    const script = `const socket = require('node:dgram').createSocket('udp4')
      socket.bind(0, '${VIP}', () => socket.send('', 9, '${NOBODY}', () => socket.close()))`
    await server.run(process.execPath, ['-e', script])
    await watch.until(() => watch.of('own-claim').length > 0)
    expect(watch.of('own-claim')[0]).toMatchObject({ frame: 'request', mac: server.mac, toldTo: NOBODY })
  })
})

describe('claims of others', () => {
  it('is told of a stranger that announces the VIP, by its address if that is known', async () => {
    await server.namespace.ip(`neigh add ${other.address} lladdr ${other.mac} dev eth0`)
    await using watch = await Watch.start()
    await using _ = await announceFrom(other)
    await watch.until(() => watch.of('foreign-claim').length > 0)
    expect(watch.of('foreign-claim')[0]).toMatchObject({
      vip: VIP,
      nic: 'eth0',
      mac: other.mac,
      who: `stranger ${other.address}`,
    })
  })

  it('is told of a single claim of a stranger that nobody knows', async () => {
    await using watch = await Watch.start()
    await using _ = await announceFrom(other, { rate: 'once' })
    await watch.until(() => watch.of('foreign-claim').length > 0)
    expect(watch.of('foreign-claim')).toMatchObject([{ mac: other.mac, who: null, count: 1 }])
  })

  it('is told of a sibling by its name, even where no director is known', async () => {
    await using watch = await Watch.start({ directors: [], siblings: [other.address] })
    await using strange = await announceFrom(director)
    await using _ = await announceFrom(other)
    await watch.until(() => watch.of('foreign-claim').length > 0)
    await strange[Symbol.asyncDispose]()
    const told = watch.of('foreign-claim').map(({ mac, who }) => ({ mac, who }))
    expect(new Set(told.map(({ mac }) => mac))).toEqual(new Set([other.mac]))
    expect(told[0]).toEqual({ mac: other.mac, who: `sibling ${other.address}` })
  })

  it('is not told of a director, of the one that takes over with another MAC, or of a virtual router', async () => {
    await using watch = await Watch.start()
    const [first, stranger, virtual] = [director.mac, '02:00:00:00:99:00', '00:00:5e:00:01:33']
    await announceFrom(director, { mac: first, rate: 'once' })
    await director.namespace.ip(`link set eth0 address ${stranger}`)
    for (const mac of [stranger, virtual, first]) await announceFrom(director, { mac, rate: 'once' })
    // What comes behind them is told: so they have been judged.
    await using _ = await announceFrom(other)
    await watch.until(() => watch.of('foreign-claim').length > 1)
    await watch.stop()
    expect(new Set(watch.of('foreign-claim').map(({ mac }) => mac))).toEqual(new Set([other.mac]))
  })

  it('does not take a director for a stranger that has claimed and left before it could be asked', async () => {
    await using watch = await Watch.start({ directors: [director.address, NOBODY] })
    // NOBODY is the one that claims: it is asked for, and silent.
    await announceFrom(director, { mac: '02:00:00:00:98:00', rate: 'once' })
    await using _ = await announceFrom(other)
    await watch.until(() => watch.of('foreign-claim').length > 0)
    await watch.stop()
    expect(new Set(watch.of('foreign-claim').map(({ mac }) => mac))).toEqual(new Set([other.mac]))
  })

  it('stays small, and tells once a second, under 5,000 claims a second', async () => {
    await using watch = await Watch.start()
    await using _ = await announceFrom(other, { rate: 5_000 })
    await watch.until(() => watch.of('foreign-claim').length >= 5)
    const { cpuMs, memoryMib } = await watch.stop()
    const told = watch.of('foreign-claim')
    const seconds = (Date.parse(String(told.at(-1)?.at)) - Date.parse(String(told[0]?.at))) / 1000
    expect(seconds).toBeGreaterThan(3)
    expect(cpuMs / seconds).toBeLessThan(300)
    expect(memoryMib).toBeLessThan(250)
  })
})

describe('what it sees', () => {
  it('tells of a NIC that goes down, beside one that does not, and when it is up again', async () => {
    await segment.plugIn(server, 'eth1', '10.10.10.13/24')
    for (const nics of [['eth0'], ['eth0', 'eth1']]) {
      await using watch = await Watch.start({ nics })
      for (const times of [1, 2]) {
        await server.namespace.ip('link set eth0 down')
        await watch.until(() => watch.of('blind').length >= times)
        await server.namespace.ip('link set eth0 up')
        await watch.until(() => watch.of('seeing').length > times)
      }
      expect(watch.of('blind')).toEqual(
        Array.from({ length: 2 }, () => ({ kind: 'blind', nic: 'eth0', why: 'eth0 is down' })),
      )
      const { tookMs } = await watch.stop()
      expect(tookMs).toBeLessThan(500)
    }
  })

  it('hears what leaves a NIC that was down', async () => {
    await server.namespace.writeSysctl('ipv4/conf/all/arp_ignore', 0)
    await server.namespace.ip('link set eth0 down')
    await using watch = await Watch.start()
    await server.namespace.ip('link set eth0 up')
    const storm = await startArpStorm(other, VIP, { perSecond: 50 })
    await watch.until(() => watch.of('own-claim').length > 0)
    await storm.stop()
    expect(watch.of('blind')).toEqual([])
  })

  it('costs next to nothing on a quiet segment', async () => {
    await using watch = await Watch.start({ directors: [] })
    // That nothing happens has no event to wait for.
    await sleep(3_000)
    const { cpuMs } = await watch.stop()
    expect(cpuMs).toBeLessThan(150)
  })
})

/** Tells the segment that the host has the VIP, until it is disposed of, or `once`. */
async function announceFrom(
  host: Host,
  { mac = host.mac, rate = 100 as number | 'once' } = {},
): Promise<AsyncDisposable> {
  const [{ ifindex }] = JSON.parse(await host.run('ip', ['-j', 'link', 'show', 'eth0']))
  const program = fileURLToPath(new URL('./gratuitous-arp-process.ts', import.meta.url))
  const spawned = host.spawn(process.execPath, [program, String(ifindex), mac, VIP, String(rate)])
  await firstLine(spawned)
  return {
    async [Symbol.asyncDispose]() {
      spawned.stdin.end()
      await spawned
    },
  }
}

/** A watch in a process of the server's, with what it has told. */
class Watch implements AsyncDisposable {
  readonly events: ArpWatchEvent[] = []
  readonly #ended: Promise<WatchEnd>
  readonly #process: Spawned
  #onEvent: () => void = () => undefined

  /** Once it sees everything. */
  static async start(options: Partial<WatchPlan> = {}): Promise<Watch> {
    const plan: WatchPlan = {
      nics: ['eth0'],
      vips: [VIP],
      directors: [director.address],
      siblings: [],
      ...options,
    }
    const program = fileURLToPath(new URL('./arp-watch-process.ts', import.meta.url))
    const watch = new Watch(server.spawn(process.execPath, [program, JSON.stringify(plan)]))
    await watch.until(() => watch.of('seeing').length > 0)
    return watch
  }

  private constructor(spawned: Spawned) {
    this.#process = spawned
    this.#ended = new Promise((resolve, reject) => {
      createInterface(spawned.stdout).on('line', line => {
        const told: ArpWatchEvent | WatchEnd = JSON.parse(line)
        if (told.kind === 'ended') return resolve(told)
        this.events.push(told)
        this.#onEvent()
      })
      void spawned.then(({ exitCode, stderr }) =>
        reject(new Error(`the watch has ended: exit code ${exitCode}: ${stderr}`)),
      )
    })
    this.#ended.catch(() => undefined)
  }

  of<Kind extends ArpWatchEvent['kind']>(kind: Kind): Extract<ArpWatchEvent, { kind: Kind }>[] {
    const isOfKind = (event: ArpWatchEvent): event is Extract<ArpWatchEvent, { kind: Kind }> =>
      event.kind === kind
    return this.events.filter(isOfKind)
  }

  async until(isEnough: () => boolean): Promise<void> {
    while (!isEnough()) {
      const next = new Promise<void>(resolve => (this.#onEvent = resolve))
      await Promise.race([next, this.#ended])
    }
  }

  stop(): Promise<WatchEnd> {
    this.#process.stdin.write('stop\n')
    return this.#ended
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.#process
  }
}
