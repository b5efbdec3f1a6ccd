import { expect } from 'vitest'
import { PATIENT } from './agent-run.ts'
import { leaksOf, type Storm, startArpStorm } from './arp-storm.ts'
import type { Host } from './host.ts'
import { RealServerRun } from './real-server-run.ts'
import { Agent, type RunOptions } from './rs-agent.ts'
import { Segment } from './segment.ts'
import { differences, type Snapshot, takeSettledSnapshot } from './snapshot.ts'

export const VIP = '10.10.10.100'

/** A host that `rs-agent run` keeps a real server, and a client on its segment that asks who has the VIP. */
export class KeptHost implements AsyncDisposable {
  readonly segment: Segment
  readonly host: Host
  readonly client: Host
  readonly agent: Agent
  readonly #runs: RealServerRun[] = []

  static async build(config = `realServer: { vips: [{ address: ${VIP} }] }\n`): Promise<KeptHost> {
    const segment = await Segment.build()
    const host = await segment.addHost('rs1', '10.10.10.12/24')
    const client = await segment.addHost('client', '10.10.10.10/24')
    return new KeptHost(segment, host, client, new Agent(host, config))
  }

  private constructor(segment: Segment, host: Host, client: Host, agent: Agent) {
    this.segment = segment
    this.host = host
    this.client = client
    this.agent = agent
  }

  /** Resolves once it runs. */
  async start(options?: RunOptions): Promise<RealServerRun> {
    const run = this.begin(options)
    await run.says(/^running/)
    return run
  }

  /** Resolves at once. */
  begin(options?: RunOptions): RealServerRun {
    const run = RealServerRun.begin(this.agent, options)
    this.#runs.push(run)
    return run
  }

  /** Where addresses of the VIPs' subnet and of IPv6 documentation are bound beside the host's own: `lo 10.10.10.100/32`. */
  async vips(): Promise<string[]> {
    const links: { ifname: string; addr_info: { local: string; prefixlen: number }[] }[] = JSON.parse(
      await this.host.run('ip', ['-j', 'addr']),
    )
    return links.flatMap(({ ifname, addr_info }) =>
      addr_info
        .filter(({ local }) => /^10\.10\.10\.1\d\d$|^2001:db8:/.test(local))
        .map(({ local, prefixlen }) => `${ifname} ${local}/${prefixlen}`),
    )
  }

  /** Waits until exactly these are. */
  async hasVips(...expected: string[]): Promise<void> {
    await expect.poll(() => this.vips(), PATIENT).toEqual(expected)
  }

  /** What a storm taught the host is not configuration. */
  async snapshot(): Promise<Snapshot> {
    return { ...(await takeSettledSnapshot(this.host.namespace)), learnedNeighbours: [] }
  }

  /** Waits until the host is so. */
  async becomes(expected: Snapshot): Promise<void> {
    const now = async () => differences(expected, { ...(await this.host.snapshot()), learnedNeighbours: [] })
    await expect.poll(now, PATIENT).toEqual([])
  }

  async startStorm(perSecond = 2000): Promise<Storm> {
    return startArpStorm(this.client, VIP, { perSecond, limitMs: 600_000 })
  }

  /** Ends the storm; this host has not answered once. */
  async expectSilence(storm: Storm): Promise<void> {
    const count = await storm.stop()
    expect(count.sent).toBeGreaterThan(100)
    expect({ leaks: leaksOf(count, [this.host]), dropped: count.dropped }).toEqual({ leaks: 0, dropped: 0 })
  }

  /** Asks for a moment. */
  async staysSilent(): Promise<void> {
    const storm = await startArpStorm(this.client, VIP, { perSecond: 2000, limitMs: 300 })
    expect(leaksOf(await storm.ended, [this.host])).toBe(0)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const run of this.#runs) await run[Symbol.asyncDispose]()
    await this.agent[Symbol.asyncDispose]()
    await this.segment[Symbol.asyncDispose]()
  }
}
