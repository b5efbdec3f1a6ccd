import type { DebianHost } from './debian-host.ts'
import type { Spawned } from './namespace.ts'
import { type Finished, finishedOf, type RunOptions } from './rs-agent.ts'

const CONFIG = '/etc/rs-agent/config.yaml'

/** The real command line on a Debian host, with the files of that host. */
export class DebianAgent {
  readonly #host: DebianHost

  constructor(host: DebianHost) {
    this.#host = host
  }

  /** Replaces the config file. */
  async configure(text: string): Promise<void> {
    await this.#host.writeFile(CONFIG, text)
  }

  /** Runs it to its end, whatever its exit code. */
  async run(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
    return finishedOf(args, await this.start(args, { input: '', ...options }))
  }

  /** As `run`, with --json; any other exit code than 0 is an error. */
  async succeed<Document>(...args: string[]): Promise<Document> {
    const { exitCode, stdout, stderr, json } = await this.run([...args, '--json'])
    if (exitCode === 0) return json<Document>()
    throw new Error(`rs-agent ${args.join(' ')}: exit code ${exitCode}: ${stdout}${stderr}`)
  }

  /** A signal to it kills the agent, and nothing that the agent has started. */
  start(args: readonly string[], { launcher = [], ...options }: RunOptions = {}): Spawned {
    const [command = 'rs-agent', ...words] = [...launcher, 'rs-agent', ...args]
    return this.#host.spawn(command, words, options)
  }
}
