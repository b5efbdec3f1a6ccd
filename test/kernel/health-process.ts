/**
 * Runs inside a namespace: makes health checks, and is spoken to by lines of JSON. `{"id": 1, "call": "try", …}` opens
 * a check, tries it as often as told, closes it, and is answered by `{"id": 1, "value": …}`. Ends when its stdin does.
 */
import { closeSync, openSync, readdirSync } from 'node:fs'
import { createInterface } from 'node:readline'
import * as v from 'valibot'
import { directorChecks } from '../../agent/config/check.ts'
import { type CheckTarget, type Outcome, openCheck } from '../../agent/director/health/check.ts'
import { keepHeapSmall } from '../../agent/host/small-heap.ts'

export type HealthCall =
  | {
      call: 'try'
      /** As it is written in a configuration. */
      check: Record<string, unknown>
      target: CheckTarget
      /** One unless told. */
      times?: number
      /** All at once unless told. */
      atOnce?: number
      abortAfterMs?: number
    }
  | { call: 'usage' }
  /** Leaves this many file descriptors to be had; 0 takes all, null gives them back. */
  | { call: 'takeDescriptors'; leave: number | null }
  /** Sets the clock on the wall, as this process sees it: the machine's own is not ours to set. */
  | { call: 'setClock'; byMs: number }
  /** Keeps the process from all else. */
  | { call: 'standStill'; forMs: number }

export interface Tried {
  /** How many there were of each: `pass`, or the kind and the words. */
  found: Record<string, number>
  outcome: Outcome
  key: string
  /** From the first try to the end of the last. */
  tookMs: number
  /** Of user and system. */
  cpuMs: number
}

export interface Usage {
  heapBytes: number
  rssBytes: number
  descriptors: number
}

keepHeapSmall()
const taken: number[] = []
process.stdout.write('ready\n')
for await (const line of createInterface(process.stdin)) {
  const { id, ...call } = JSON.parse(line) as HealthCall & { id: number }
  void answer(call).then(value => process.stdout.write(`${JSON.stringify({ id, value })}\n`))
}

async function answer(call: HealthCall): Promise<unknown> {
  switch (call.call) {
    case 'try':
      return tryOut(call)
    case 'usage':
      return usage()
    case 'takeDescriptors':
      return takeDescriptors(call.leave)
    case 'setClock':
      return setClock(call.byMs)
    case 'standStill':
      return void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, call.forMs)
    default:
      return call satisfies never
  }
}

async function tryOut({
  check: written,
  target,
  times = 1,
  atOnce = times,
  abortAfterMs,
}: HealthCall & { call: 'try' }): Promise<Tried> {
  const [config] = v.parse(directorChecks, written)
  if (config === undefined) throw new Error('no check')
  const check = openCheck(config, target)
  const stopping = new AbortController()
  const found: Record<string, number> = {}
  let outcome: Outcome | undefined
  let left = times
  const worker = async (): Promise<void> => {
    while (left-- > 0) {
      outcome = await check.try(stopping.signal)
      const words = outcome.kind === 'pass' ? 'pass' : `${outcome.kind}: ${outcome.why}`
      found[words] = (found[words] ?? 0) + 1
    }
  }
  const before = process.cpuUsage()
  const startedAt = performance.now()
  const all = Promise.all(Array.from({ length: atOnce }, worker))
  if (abortAfterMs !== undefined) setTimeout(() => stopping.abort(), abortAfterMs)
  await all
  const tookMs = performance.now() - startedAt
  const { user, system } = process.cpuUsage(before)
  check.close()
  if (outcome === undefined) throw new Error('no outcome')
  return { found, outcome, key: check.key, tookMs, cpuMs: (user + system) / 1000 }
}

function usage(): Usage {
  globalThis.gc?.()
  const { heapUsed, external, rss } = process.memoryUsage()
  return {
    heapBytes: heapUsed + external,
    rssBytes: rss,
    descriptors: readdirSync('/proc/self/fd').length,
  }
}

function setClock(byMs: number): void {
  const now = Date.now
  Date.now = () => now() + byMs
}

function takeDescriptors(leave: number | null): void {
  if (leave === null) {
    for (const descriptor of taken.splice(0)) closeSync(descriptor)
    return
  }
  try {
    for (;;) taken.push(openSync('/dev/null', 'r'))
  } catch {
    for (const descriptor of taken.splice(0, leave)) closeSync(descriptor)
  }
}
