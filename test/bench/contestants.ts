import type { Host } from '../support/host.ts'
import type { Agent, Finished } from '../support/rs-agent.ts'
import type { Contestant } from './measure.ts'

/** The name of the start of a bare Node, beside which commands are measured. */
export const BARE_NODE = 'node hello'

export function bareNode(host: Host): Contestant {
  const print = ['-e', 'console.log("hello")']
  return { name: BARE_NODE, run: async () => void (await host.run(process.execPath, print)) }
}

/** A command of rs-agent, from its start to its end, which must be 0. */
export function command(agent: Agent, args: readonly string[]): Pick<Contestant, 'run'> {
  return { run: async () => void (await succeed(agent, args)) }
}

export async function succeed(agent: Agent, args: readonly string[]): Promise<Finished> {
  const finished = await agent.run(args)
  if (finished.exitCode === 0) return finished
  const { exitCode, stdout, stderr } = finished
  throw new Error(`rs-agent ${args.join(' ')} exited ${exitCode}: ${stdout}${stderr}`)
}
