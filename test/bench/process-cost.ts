import { readdirSync, readFileSync } from 'node:fs'

/** What a process and all that it started cost. */
export interface Cost {
  /** Processor time, user and system, since they began; of those that have ended as well. */
  cpuMs: number
  /** Memory; what several share is shared out among them (`Pss` of smaps_rollup). */
  memoryBytes: number
}

/** The kernel counts ticks of 1/100 s to programs, on every machine (USER_HZ). */
const TICK_MS = 10

export function costOf(pid: number): Cost {
  const processes = familyOf(pid)
  const sum = (values: number[]) => values.reduce((total, value) => total + value, 0)
  return {
    cpuMs: sum(processes.map(({ ticks }) => ticks)) * TICK_MS,
    memoryBytes: sum(processes.map(({ id }) => pssBytes(id))),
  }
}

interface Process {
  id: number
  parent: number
  ticks: number
}

function familyOf(pid: number): Process[] {
  const ids = readdirSync('/proc').filter(name => /^[0-9]+$/.test(name))
  const all = ids.map(Number).flatMap(id => readProcess(id) ?? [])
  const family = new Set([pid])
  // A child may have a lower number than its parent, but no generation is passed over.
  for (let size = 0; size < family.size; ) {
    size = family.size
    for (const { id, parent } of all) if (family.has(parent)) family.add(id)
  }
  return all.filter(({ id }) => family.has(id))
}

/** proc(5), /proc/PID/stat: the fields behind the name, which may hold anything. Null for one that has ended. */
function readProcess(id: number): Process | null {
  const text = readOrNull(`/proc/${id}/stat`)
  if (text === null) return null
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const [parent = Number.NaN] = fields.slice(1, 2).map(Number)
  // utime, stime, cutime, cstime: the last two of children that have ended.
  const ticks = fields.slice(11, 15).reduce((total, field) => total + Number(field), 0)
  return { id, parent, ticks }
}

function pssBytes(id: number): number {
  const [, kilobytes] = /^Pss: +([0-9]+) kB/m.exec(readOrNull(`/proc/${id}/smaps_rollup`) ?? '') ?? []
  return Number(kilobytes ?? 0) * 1024
}

function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return null
  }
}
