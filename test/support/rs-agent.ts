import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Host } from './host.ts'
import type { Spawned, SpawnOptions } from './namespace.ts'

export interface Change {
  id: string
  action: 'create' | 'update' | 'delete' | 'start' | 'install'
  subject: string
  before: unknown
  after: unknown
}

/** What `plan --json` and `apply --json` print. */
export interface ChangeReport {
  converged: boolean
  changed: boolean
  changes: Change[]
}

export interface Check {
  id: string
  subject: string
  verdict: 'pass' | 'fail' | 'unknown' | 'skipped'
  evidence: string
  hint: string
}

/** What `verify --json` prints. */
export interface VerifyReport {
  verdict: 'pass' | 'fail' | 'unknown'
  durationMs: number
  checks: Check[]
}

/** What a command that could not do its work prints with `--json`. */
export interface ErrorReport {
  error: { code: string; message: string; hint: string }
}

export interface Finished {
  /** Absent when a signal ended it. */
  exitCode?: number
  stdout: string
  stderr: string
  /** The one JSON document on stdout; which one it is depends on the command. */
  json<Document>(): Document
}

export interface RunOptions extends SpawnOptions {
  /** A program that starts the agent, with its arguments: `setpriv` and the like. */
  launcher?: readonly string[]
}

/** The real command line on one host, with a file tree of its own that goes with it. */
export class Agent implements AsyncDisposable {
  readonly root: string
  readonly #host: Host

  /** Needs dist/rs-agent.js (npm run build). `null`: a host without any configuration. */
  constructor(host: Host, config: string | null) {
    this.#host = host
    this.root = mkdtempSync(join(tmpdir(), `rs-agent-${host.name}-`))
    roots.add(this.root)
    mkdirSync(join(this.root, 'etc/rs-agent'), { recursive: true, mode: 0o700 })
    if (config !== null) this.configure(config)
  }

  /** Replaces the config file. */
  configure(config: string): void {
    writeFileSync(join(this.root, 'etc/rs-agent/config.yaml'), config, { mode: 0o600 })
  }

  /** Runs it to its end, whatever its exit code. */
  async run(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
    return finishedOf(args, await this.start(args, { input: '', ...options }))
  }

  /** For tests that signal it: `pid` is the agent's own. Without `input` its stdin stays open. */
  start(args: readonly string[], { launcher = [], ...options }: RunOptions = {}): Spawned {
    const command = [...launcher, process.execPath, program, '--root', this.root, ...args]
    const [first = process.execPath, ...rest] = command
    return this.#host.spawn(first, rest, options)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    removeRoot(this.root)
  }
}

const program = fileURLToPath(new URL('../../dist/rs-agent.js', import.meta.url))

export function finishedOf(
  args: readonly string[],
  { exitCode, stdout, stderr }: { exitCode?: number; stdout: string; stderr: string },
): Finished {
  return {
    ...(exitCode !== undefined && { exitCode }),
    stdout,
    stderr,
    json: () => parse(args, stdout, stderr),
  }
}

function parse(args: readonly string[], stdout: string, stderr: string) {
  try {
    return JSON.parse(stdout)
  } catch (cause) {
    throw new Error(`rs-agent ${args.join(' ')}: not one JSON document:\n${stdout}\n${stderr}`, { cause })
  }
}

// A test that throws or is interrupted does not dispose: what is left goes when the process exits.
const roots = new Set<string>()
process.on('exit', () => roots.forEach(removeRoot))

function removeRoot(root: string): void {
  rmSync(root, { recursive: true, force: true })
  roots.delete(root)
}
