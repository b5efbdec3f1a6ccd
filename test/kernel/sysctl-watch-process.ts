/** Runs inside a namespace: tells what its watch of kernel parameters sees; see spoken-process.ts. */
import { closeSync, openSync, readdirSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { watchSysctls } from '../../agent/host/sysctl-watch.ts'

export type WatchCall =
  | { call: 'follow'; paths: string[]; times?: number }
  | { call: 'read'; path: string }
  /** Leaves this many file descriptors to be had; null gives all back. */
  | { call: 'takeDescriptors'; leave: number | null }
  | { call: 'usage' | 'close' }

export type WatchTold =
  /** By the clock on the wall, in ms. */
  { kind: 'changed'; path: string; value: string; atMs: number } | { kind: 'blind'; why: string }

export interface WatchUsage {
  descriptors: number
  heapBytes: number
}

const taken: number[] = []
const sysctls = watchSysctls({
  changed: (path, value) => print({ told: { kind: 'changed', path, value, atMs: now() } }),
  blind: why => print({ told: { kind: 'blind', why } }),
})
for await (const line of createInterface(process.stdin)) {
  const { id, ...call } = JSON.parse(line) as WatchCall & { id: number }
  print({ id, value: answer(call) ?? null })
}

function answer(call: WatchCall): unknown {
  switch (call.call) {
    case 'follow':
      for (let times = 0; times < (call.times ?? 1); times++) {
        if (call.times !== undefined) sysctls.follow([])
        sysctls.follow(call.paths)
      }
      return
    case 'read':
      return sysctls.read(call.path)
    case 'takeDescriptors':
      return takeDescriptors(call.leave)
    case 'usage':
      globalThis.gc?.()
      return { descriptors: readdirSync('/proc/self/fd').length, heapBytes: process.memoryUsage().heapUsed }
    case 'close':
      return sysctls.close()
    default:
      return call satisfies never
  }
}

function takeDescriptors(leave: number | null): void {
  try {
    while (leave !== null) taken.push(openSync('/dev/null', 'r'))
  } catch {
    // There are no more.
  }
  for (const descriptor of taken.splice(0, leave ?? taken.length)) closeSync(descriptor)
}

function now(): number {
  return performance.timeOrigin + performance.now()
}

function print(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}
