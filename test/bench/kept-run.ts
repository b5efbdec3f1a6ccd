import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { AgentRun } from '../support/agent-run.ts'
import type { Host } from '../support/host.ts'
import { Agent } from '../support/rs-agent.ts'

export const KEPT_VIP = '10.10.10.100'

const UNIT = fileURLToPath(new URL('../../templates/systemd/rs-agent.service', import.meta.url))

/** What systemd gives the service of a real server. */
function environmentOfUnit(): Record<string, string> {
  const line = /^Environment=(.*)$/m.exec(readFileSync(UNIT, 'utf8'))?.[1]
  if (line === undefined) throw new Error(`${UNIT} sets no environment any more`)
  const settings = line.match(/"[^"]*"|\S+/g) ?? []
  return Object.fromEntries(
    settings.map(setting => {
      const [, name = '', value = ''] = /^"?(\w+)=(.*?)"?$/.exec(setting) ?? []
      return [name, value]
    }),
  )
}

/** `rs-agent run` on a host with one VIP, which has converged. */
export class KeptRun implements AsyncDisposable {
  readonly pid: number
  readonly #agent: Agent
  readonly #run: AgentRun

  static async start(host: Host): Promise<KeptRun> {
    const agent = new Agent(host, `realServer: { vips: [{ address: ${KEPT_VIP} }] }\n`)
    const process = agent.start(['run', '--json'], { input: '', env: environmentOfUnit() })
    const run = new AgentRun(process)
    await run.says(/^running/)
    if (process.pid === undefined) throw new Error('the run has no process')
    return new KeptRun(agent, run, process.pid)
  }

  private constructor(agent: Agent, run: AgentRun, pid: number) {
    this.pid = pid
    this.#agent = agent
    this.#run = run
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#run[Symbol.asyncDispose]()
    await this.#agent[Symbol.asyncDispose]()
  }
}
