import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import type { KeepReport } from '../../agent/realserver/keep/report.ts'
import { AgentRun, PATIENT } from './agent-run.ts'
import type { Agent, RunOptions } from './rs-agent.ts'

/** `rs-agent run` on a real server, what it says, and what it reports. */
export class RealServerRun extends AgentRun {
  readonly #agent: Agent
  /** When one began that was killed, and has left its report. */
  readonly #previous: string | null

  /** Resolves once the VIPs are bound and the host is silent. */
  static async start(agent: Agent, options: RunOptions = {}): Promise<RealServerRun> {
    const run = RealServerRun.begin(agent, options)
    await run.says(/^running/)
    return run
  }

  /** Resolves at once. */
  static begin(agent: Agent, options: RunOptions = {}): RealServerRun {
    return new RealServerRun(agent, options)
  }

  private constructor(agent: Agent, options: RunOptions) {
    super(agent.start(['run', '--json'], { input: '', ...options }))
    this.#agent = agent
    this.#previous = this.#readIfThere()?.startedAt ?? null
  }

  /** What it has reported last; throws before it has reported at all, and when it runs no more. */
  report(): KeepReport {
    const report = this.#readReport()
    if (report.startedAt === this.#previous) throw new Error('this run has not reported yet')
    return report
  }

  /** Waits until it reports so. */
  async reports(matching: object): Promise<KeepReport> {
    await expect.poll(() => this.#reportIfThere(), PATIENT).toMatchObject(matching)
    return this.report()
  }

  /** Of the agent itself, whatever has started it. */
  async pid(): Promise<number> {
    return (await this.reports({ pid: expect.any(Number) })).pid
  }

  /** Waits until it has looked at everything anew. */
  async resyncs(): Promise<void> {
    const { checkedAt } = this.report()
    while (this.report().checkedAt === checkedAt) await sleep(PATIENT.interval)
  }

  #readReport(): KeepReport {
    return JSON.parse(readFileSync(join(this.#agent.root, 'run/rs-agent/real-server-run.json'), 'utf8'))
  }

  #reportIfThere(): KeepReport | null {
    const report = this.#readIfThere()
    return report?.startedAt === this.#previous ? null : report
  }

  #readIfThere(): KeepReport | null {
    try {
      return this.#readReport()
    } catch {
      return null
    }
  }
}
