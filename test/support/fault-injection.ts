import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Host } from './host.ts'
import type { Agent } from './rs-agent.ts'

/** The system calls by which the agent changes a host or its own files. */
const CHANGING_CALLS = [
  'write',
  'sendmsg',
  'rename',
  'fsync',
  'unlink',
  'mkdir',
  'fchmod',
  'fchown',
  'chmod',
] as const

/** One system call of a run: the `number`th of its name, counted from 1. */
export interface Point {
  call: (typeof CHANGING_CALLS)[number]
  number: number
}

export interface Ended {
  /** Absent when a signal ended it. */
  exitCode: number | undefined
  signal: string | undefined
  stdout: string
  /** False when the run made fewer such calls. */
  isInjected: boolean
}

function traceOf({ root }: Agent): string {
  return join(root, 'trace')
}

const program = fileURLToPath(new URL('../../dist/rs-agent.js', import.meta.url))

/**
 * Runs the command once, undisturbed, and gives every point of it that changes something: calls on files
 * below the root or /proc/sys, and netlink messages. Which other calls come between may differ from run to
 * run, so all of a name between the first and the last are given.
 */
export async function findPoints(host: Host, agent: Agent, command: string): Promise<Point[]> {
  await host.run('strace', [...tracing(agent).slice(1), ...commandLine(agent, command)])
  return pointsIn(agent)
}

/** Writes down each call of a program that may change something, for pointsIn. With `-p` it traces one that runs. */
export function tracing(agent: Agent): string[] {
  return ['strace', '-y', '-s', '0', '-o', traceOf(agent), '-e', `trace=${CHANGING_CALLS.join(',')}`]
}

/** The points of what was traced, as of findPoints. */
export function pointsIn(agent: Agent): Point[] {
  const trace = readFileSync(traceOf(agent), 'utf8')
  rmSync(traceOf(agent))
  const seen = new Map<string, number>()
  const points = new Map<Point['call'], number[]>()
  for (const line of trace.split('\n')) {
    const call = CHANGING_CALLS.find(name => line.startsWith(`${name}(`))
    if (call === undefined) continue
    const number = (seen.get(call) ?? 0) + 1
    seen.set(call, number)
    if (line.includes(agent.root) || line.includes('/proc/sys/') || line.includes('NETLINK'))
      points.set(call, [...(points.get(call) ?? []), number])
  }
  return [...points].flatMap(([call, numbers]) => {
    const first = Math.min(...numbers)
    return Array.from({ length: Math.max(...numbers) - first + 1 }, (_, index) => ({
      call,
      number: first + index,
    }))
  })
}

/** Kills a program -9 as it makes the call. With `-p` it does so to one that runs, counting from now. */
export function killing({ call, number }: Point): string[] {
  const inject = `inject=${call}:signal=SIGKILL:when=${number}`
  return ['strace', '-qq', '-s', '0', '-o', '/dev/null', '-e', `trace=${call}`, '-e', inject]
}

/** Runs the command and kills it -9 as it makes the call. */
export function killAt(host: Host, agent: Agent, command: string, point: Point): Promise<Ended> {
  return runInjected(host, agent, command, point, 'signal=SIGKILL')
}

/** Runs the command with that one call refused. */
export function failAt(host: Host, agent: Agent, command: string, point: Point): Promise<Ended> {
  return runInjected(host, agent, command, point, `error=${point.call === 'sendmsg' ? 'ENOBUFS' : 'ENOSPC'}`)
}

async function runInjected(
  host: Host,
  agent: Agent,
  command: string,
  { call, number }: Point,
  what: string,
): Promise<Ended> {
  const file = join(agent.root, 'injected')
  const inject = `inject=${call}:${what}:when=${number}`
  const options = ['-qq', '-s', '0', '-o', file, '-e', `trace=${call}`, '-e', inject]
  const { exitCode, signal, stdout } = await host.spawn(
    'strace',
    [...options, ...commandLine(agent, command)],
    { input: '' },
  )
  const isInjected = readFileSync(file, 'utf8').includes('(INJECTED)')
  rmSync(file)
  return { exitCode, signal, stdout, isInjected }
}

/** Starts a program to which the kernel refuses every such call; it ends when this launcher does. */
export function refusing(call: string, error: string): string[] {
  const inject = `inject=${call}:error=${error}`
  const options = ['-qq', '-f', '--seccomp-bpf', '-o', '/dev/null', '-e', `trace=${call}`, '-e', inject]
  return ['strace', ...options, 'setpriv', '--pdeathsig', 'KILL']
}

function commandLine(agent: Agent, command: string): string[] {
  return [process.execPath, program, '--root', agent.root, '--json', ...command.split(' ')]
}
