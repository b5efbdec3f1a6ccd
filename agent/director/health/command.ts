import type { ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { hasErrno, messageOf } from '../../errors.ts'
import { endMarked, MARK } from '../../host/marked-processes.ts'
import { attempt, type Effort, type Finding } from './attempt.ts'
import type { Check, CheckTarget } from './check.ts'
import type { Config } from './kinds.ts'
import { Turns } from './turns.ts'

/** A command of the administrator's says how the real server is: exit status 0 is well. */
export function openCommandCheck(config: Config<'command'>, target: CheckTarget): Check {
  const { command, timeout } = config
  const { address, port, vip } = target
  const env = {
    RS_AGENT_VIP: vip ?? '',
    RS_AGENT_RIP: address,
    RS_AGENT_PORT: port === 0 ? '' : String(port),
  }
  return {
    key: JSON.stringify(['command', command, env, timeout]),
    async try(signal) {
      const askedAt = performance.now()
      const done = await turnOf(timeout * PATIENCE, signal)
      if (done !== null)
        return attempt(timeout, signal, found => begin({ command, env, timeoutMs: timeout }, found, done))
      const why = signal.aborted ? 'broken off' : `${command[0]} waited too long for other commands to end`
      return { kind: 'unknown', latencyMs: performance.now() - askedAt, why }
    },
    close() {},
  }
}

interface Order {
  command: readonly string[]
  env: Record<string, string>
  timeoutMs: number
}

/** Each is a process, and often more than one: a thousand at once would take the processor from all else. */
const turns = new Turns(16)
/** How many times its own time a command waits for others: with ten times as many that hang all are still asked. */
const PATIENCE = 10

/** Calls back when it ends; null when it does not come within the limit or before the signal. */
function turnOf(limitMs: number, signal: AbortSignal): Promise<(() => void) | null> {
  if (signal.aborted) return Promise.resolve(null)
  return new Promise(resolve => {
    const settle = (done: (() => void) | null): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', giveUp)
      resolve(done)
    }
    const giveUp = (): void => {
      leaveLine()
      settle(null)
    }
    const timer = setTimeout(giveUp, limitMs)
    signal.addEventListener('abort', giveUp)
    const leaveLine = turns.wait(settle)
  })
}

/** Its time begins with its turn: one that had waited would not have what it was promised. */
function begin(order: Order, found: Finding, done: () => void): Effort {
  const { command, timeoutMs } = order
  const mark = randomUUID()
  const [program = ''] = command
  let running: ChildProcess | null = null
  let isOver = false
  let hasEnded = false
  const run = async (): Promise<void> => {
    const { execa } = await import('execa')
    if (isOver) return done()
    const started = start(execa, order, mark)
    if (started.pid === undefined) {
      found.unknown(`cannot run ${program}: ${whyNot(await started)}`)
      return done()
    }
    running = started.nodeChildProcess
    // Its turn ends with it: one that cannot be killed at once is still there.
    running.once('exit', done)
    running.once('exit', () => {
      hasEnded = true
    })
    listen(running, program, found)
  }
  run().catch(error => {
    found.unknown(`cannot run ${program}: ${messageOf(error)}`)
    done()
  })
  return {
    stop() {
      isOver = true
      if (running === null) return
      killGroup(running)
      // One that ended by itself may have left a daemon on purpose.
      if (!hasEnded) void endMarked(mark)
    },
    expire: () => found.fail(`${program} did not end within ${timeoutMs} ms`),
  }
}

type Execa = typeof import('execa').execa

function start(execa: Execa, { command: [program = '', ...args], env }: Order, mark: string) {
  // detached: it leads a session and a process group, in which all that stays there can be ended.
  return execa(program, args, {
    env: { ...env, [MARK]: mark },
    detached: true,
    reject: false,
    buffer: false,
    stdin: 'ignore',
  })
}

function whyNot({ code, originalMessage }: Awaited<ReturnType<typeof start>>): string {
  return code === 'ENOENT' ? 'there is no such program' : (originalMessage ?? code ?? 'it does not start')
}

/** Beyond it nobody wants to say anything: it writes without end. */
const OUTPUT_LIMIT_BYTES = 1024 * 1024
/** Of the end of the output, where the reason usually is. */
const KEPT_LENGTH = 1024
/** For what it wrote last to be read; another process may keep the pipe open for ever. */
const LAST_WORDS_MS = 50

function listen(running: ChildProcess, name: string, found: Finding): void {
  let bytes = 0
  let kept = ''
  for (const stream of [running.stdout, running.stderr])
    stream?.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      kept = (kept + chunk.toString('utf8', Math.max(0, chunk.length - KEPT_LENGTH))).slice(-KEPT_LENGTH)
      if (bytes > OUTPUT_LIMIT_BYTES) found.fail(`${name} writes more than ${OUTPUT_LIMIT_BYTES} bytes`)
    })
  running.once('exit', (status, signal) => {
    if (status === 0) return found.pass()
    const tell = (): void => {
      const end = signal === null ? `exit status ${status}` : `ended by ${signal}`
      found.fail([`${name}: ${end}`, ...lastLine(kept)].join(': '))
    }
    running.once('close', tell)
    setTimeout(tell, LAST_WORDS_MS)
  })
}

const LINE_LENGTH = 200

function lastLine(text: string): string[] {
  // Escape sequences and the like could play tricks on a terminal.
  const lines = text.split('\n').map(line => line.replace(/\p{Cc}/gu, ' ').trim())
  const line = lines.findLast(line => line !== '')
  return line === undefined ? [] : [line.slice(0, LINE_LENGTH)]
}

function killGroup(leader: ChildProcess): void {
  leader.stdout?.destroy()
  leader.stderr?.destroy()
  if (leader.pid === undefined) return
  try {
    process.kill(-leader.pid, 'SIGKILL')
  } catch (error) {
    if (!hasErrno(error, 'ESRCH')) throw error
  }
}
