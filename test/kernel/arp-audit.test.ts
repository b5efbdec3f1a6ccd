import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { RunEvent } from '../support/agent-run.ts'
import type { Host } from '../support/host.ts'
import type { Spawned } from '../support/namespace.ts'
import { sentPackets } from '../support/nic-traffic.ts'
import { Agent } from '../support/rs-agent.ts'
import { Segment } from '../support/segment.ts'
import { differences, takeSettledSnapshot } from '../support/snapshot.ts'
import type { AuditEnd } from './arp-audit-process.ts'

/** What `director run` hears of real servers that answer ARP for its VIP, and of others. */
const VIP = '10.10.10.100'
const VIP6 = '2001:db8:10::100'
const RIP = '10.10.10.12'
const RIP6 = '2001:db8:10::12'

let segment: Segment
let director: Host
let server: Host
let other: Host
beforeAll(async () => {
  segment = await Segment.build()
  director = await segment.addHost('director', '10.10.10.11/24')
  server = await segment.addHost('rs1', `${RIP}/24`)
  other = await segment.addHost('other', '10.10.10.20/24')
  await director.namespace.ip(`addr add ${VIP}/32 dev eth0`, `addr add ${VIP6}/128 dev eth0 nodad`)
  for (const [index, host] of [director, server, other].entries())
    await host.namespace.ip(`addr add 2001:db8:10::${11 + index}/64 dev eth0 nodad`)
  await server.namespace.writeSysctl('ipv4/conf/all/arp_ignore', 1)
  await server.namespace.ip(`addr add ${VIP}/32 dev lo`, `addr add ${VIP6}/128 dev lo`)
})
afterAll(() => segment[Symbol.asyncDispose]())

const service = (vip: string, rip: string) =>
  `    - { listen: '${vip.includes(':') ? `[${vip}]` : vip}:80/tcp', realServers: [{ address: '${rip}' }] }\n`
const config = (arpAudit: string, services = service(VIP, RIP)) =>
  `director:\n  interface: eth0\n  arpAudit: ${arpAudit}\n  services:\n${services}`

/** The audit on the director, until the test ends. */
class Audit {
  readonly agent: Agent
  readonly #process: Spawned
  readonly #lines: AsyncIterator<string>

  static async start(text = config('1s')): Promise<Audit> {
    const agent = new Agent(director, text)
    const program = fileURLToPath(new URL('./arp-audit-process.ts', import.meta.url))
    const spawned = director.spawn(process.execPath, [program, join(agent.root, 'etc/rs-agent/config.yaml')])
    const audit = new Audit(agent, spawned)
    onTestFinished(async () => {
      spawned.kill('SIGKILL')
      await agent[Symbol.asyncDispose]()
    })
    expect(await audit.#next()).toBe('ready')
    return audit
  }

  private constructor(agent: Agent, spawned: Spawned) {
    this.agent = agent
    this.#process = spawned
    this.#lines = createInterface(spawned.stdout)[Symbol.asyncIterator]()
  }

  async says(): Promise<RunEvent> {
    return JSON.parse(await this.#next())
  }

  reload(text: string): void {
    this.agent.configure(text)
    this.#process.stdin.write('\n')
  }

  /** All that it says before its end, and what it says then. */
  async end(): Promise<{ events: RunEvent[]; end: AuditEnd }> {
    this.#process.stdin.end()
    const events = []
    for (;;) {
      const line = JSON.parse(await this.#next())
      if ('alarms' in line) return { events, end: line }
      events.push(line)
    }
  }

  async #next(): Promise<string> {
    const { value } = await this.#lines.next()
    if (value === undefined) throw new Error(`the audit has ended: ${(await this.#process).stderr}`)
    return value
  }
}

/** Resolves once the director has sent this many more frames: five for a real server, three for everybody. */
async function asked(frames: number): Promise<void> {
  const enough = (await sentPackets(director)) + frames
  while ((await sentPackets(director)) < enough) await new Promise(resolve => setTimeout(resolve, 50))
}

const turnLoud = () => server.namespace.writeSysctl('ipv4/conf/all/arp_ignore', 0)
const silence = () => server.namespace.writeSysctl('ipv4/conf/all/arp_ignore', 1)

describe('the ARP audit', () => {
  it('tells once of a real server that answers, names it, and tells once more when it is quiet', async () => {
    const audit = await Audit.start()
    // Five frames a question: it has been asked, and was silent.
    await asked(15)
    await turnLoud()
    const loud = await audit.says()
    expect(loud).toMatchObject({
      level: 'warning',
      subject: `${VIP} on ${RIP}`,
      message: expect.stringMatching(
        new RegExp(
          `^ALARM: this real server answers ARP for ${VIP} with ${server.mac}.* on ${RIP}: rs-agent apply`,
        ),
      ),
    })
    await asked(25)
    await silence()
    expect(await audit.says()).toMatchObject({
      level: 'info',
      subject: `${VIP} on ${RIP}`,
      message: expect.stringMatching(/^quiet again: /),
    })
    expect(await audit.end()).toMatchObject({ events: [], end: { alarms: [] } })
  })

  it('tells of a host that nobody configured, by its MAC', async () => {
    const audit = await Audit.start()
    await other.namespace.ip(`addr add ${VIP}/32 dev eth0`)
    expect(await audit.says()).toMatchObject({
      level: 'warning',
      subject: `${VIP} on ${other.mac}`,
      message: expect.stringMatching(new RegExp(`answers ARP for ${VIP} .* rs-agent probe ${VIP} says who`)),
    })
    const { events, end } = await audit.end()
    expect(events).toEqual([])
    expect(end.alarms).toMatchObject([{ vip: VIP, mac: other.mac, asked: 'with everybody' }])
    await other.namespace.ip(`addr del ${VIP}/32 dev eth0`)
  })

  it('asks for an IPv6 VIP by NDP', async () => {
    const audit = await Audit.start(config('1s', service(VIP6, RIP6)))
    await server.namespace.ip(`addr add ${VIP6}/128 dev eth0 nodad`)
    expect(await audit.says()).toMatchObject({
      subject: `${VIP6} on ${RIP6}`,
      message: expect.stringContaining(`answers NDP for ${VIP6} with ${server.mac}`),
    })
    await server.namespace.ip(`addr del ${VIP6}/128 dev eth0`)
    expect(await audit.says()).toMatchObject({ message: expect.stringMatching(/^quiet again/) })
    await audit.end()
  })

  it('takes who is not there, or cannot be asked, for neither loud nor quiet', async () => {
    await turnLoud()
    const audit = await Audit.start()
    await audit.says()
    const [{ port = '' } = {}] = server.nics
    await segment.switch.ip(`link set ${port} down`)
    await asked(12)
    await director.namespace.ip('link set eth0 down')
    // Some rounds; there is nothing to wait for, as nothing shall happen.
    await new Promise(resolve => setTimeout(resolve, 2500))
    await director.namespace.ip('link set eth0 up')
    await segment.switch.ip(`link set ${port} up`)
    await silence()
    expect(await audit.says()).toMatchObject({ message: expect.stringMatching(/^quiet again/) })
    await audit.end()
  })

  it('asks nobody where it is off, and forgets whom it asks no more', async () => {
    await turnLoud()
    const audit = await Audit.start()
    await audit.says()
    audit.reload(config('off'))
    expect(await audit.says()).toMatchObject({
      level: 'info',
      message: expect.stringMatching(/^not asked any more/),
    })
    expect((await audit.end()).end.alarms).toEqual([])
    await silence()
  })

  it('leaves nobody behind in the table of neighbours, though the kernel notes whoever answers', async () => {
    await director.namespace.writeSysctl('ipv4/conf/eth0/arp_accept', 1)
    await director.namespace.ip('neigh flush all')
    await turnLoud()
    const before = await takeSettledSnapshot(director.namespace)
    const audit = await Audit.start()
    await audit.says()
    await asked(12)
    await audit.end()
    await silence()
    expect(differences(before, await director.snapshot())).toEqual([])
    await director.namespace.writeSysctl('ipv4/conf/eth0/arp_accept', 0)
  })

  it('ends within a question, and costs next to nothing', async () => {
    const audit = await Audit.start(config('10s'))
    await asked(10)
    const startedAt = performance.now()
    const { events, end } = await audit.end()
    expect(performance.now() - startedAt).toBeLessThan(4_000)
    expect(events).toEqual([])
    expect(end.cpuMs).toBeLessThan(500)
  })
})
