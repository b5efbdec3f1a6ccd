/** What `rs-agent run` costs while nothing happens. */
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Segment } from '../support/segment.ts'
import type { Measured, Target, Unit } from './figure.ts'
import { KeptRun } from './kept-run.ts'
import { ADDRESS, repairs, SYSCTL } from './repairs.ts'
import { countOf } from './samples.ts'

/** As long as it takes until everything is looked at anew, once. */
const IDLE_MS = 60_000
const MIB = 1024 * 1024

export async function measureIdle(): Promise<Measured[]> {
  await using segment = await Segment.build()
  const host = await segment.addHost('kept', '10.10.10.52/24')
  await using run = await KeptRun.start(host)
  // One that has had something to do holds more memory than one that has just begun.
  for (const trial of [ADDRESS, SYSCTL]) await repairs(host, trial)
  const before = processorMs(run.pid)
  await sleep(IDLE_MS)
  const share = ((processorMs(run.pid) - before) / IDLE_MS) * 100
  const { resident, own } = memoryOf(run.pid)
  return [
    under('processor', '%', share, 0.1),
    under('memory, resident', 'MiB', resident / MIB, 60),
    under('memory, its own and written to', 'MiB', own / MIB, 15),
  ]
}

function under(name: string, unit: Unit, value: number, limit: number): Measured {
  return { ...countOf(name, unit, value), target: { of: 'value', bound: 'under', limit } satisfies Target }
}

/** Of all threads that live, as /proc/PID/task/TID/schedstat tells it: nanoseconds first. */
function processorMs(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`)
  const nanoseconds = threads.map(
    id => readFileSync(`/proc/${pid}/task/${id}/schedstat`, 'latin1').split(' ')[0],
  )
  return nanoseconds.reduce((sum, each) => sum + Number(each), 0) / 1e6
}

/** In bytes. */
function memoryOf(pid: number): { resident: number; own: number } {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1')
  const bytes = (name: string) => Number(new RegExp(`^${name}: +([0-9]+) kB`, 'm').exec(text)?.[1]) * 1024
  return { resident: bytes('Rss'), own: bytes('Private_Dirty') }
}
