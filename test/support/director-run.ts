import { AgentRun } from './agent-run.ts'
import type { Agent } from './rs-agent.ts'

/** `rs-agent director run` on a host, and what it says. */
export class DirectorRun extends AgentRun {
  /** Resolves once it runs. */
  static async start(agent: Agent): Promise<DirectorRun> {
    const run = new DirectorRun(agent.start(['director', 'run', '--json'], { input: '' }))
    await run.says(/^running/)
    return run
  }
}
