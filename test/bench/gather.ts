import { fileURLToPath } from 'node:url'
import { bootGuest, type Guest } from '../lab/guest.ts'
import { hasIpvs } from '../support/has-ipvs.ts'
import { besidePeers, type Figure, type Measured } from './figure.ts'
import { GROUPS, type Group } from './groups.ts'
import { describeMachine, loadNow, type Machine } from './machine.ts'
import { progress } from './progress.ts'
import type { BenchReport, MeasuredGroup } from './report.ts'

/** Measures the named groups, one after the other. One that fails is told with its reason, and loses none of the others. */
export async function gather(names: readonly string[]): Promise<BenchReport> {
  const machine = describeMachine()
  const groups: MeasuredGroup[] = []
  const figures: Figure[] = []
  await using guests = new GuestForAll()
  const isHere = hasIpvs()
  for (const name of names) {
    const group = groupNamed(name)
    const where = group.needs === 'ipvs' && !isHere ? 'guest' : 'here'
    process.stderr.write(`${name}: ${group.title}\n`)
    const startedAt = performance.now()
    const told = { name, title: group.title, where } as const
    try {
      const measured = await (where === 'guest' ? guests.measure(name) : group.measure())
      figures.push(...besidePeers(name, measured))
      // For whoever does not wait for the end.
      for (const figure of measured) progress(`${figure.name}: ${figure.value} ${figure.unit}`)
      groups.push({ ...told, tookMs: Math.round(performance.now() - startedAt) })
    } catch (error) {
      const failure = error instanceof Error ? error.message : String(error)
      progress(`failed: ${failure}`)
      groups.push({ ...told, tookMs: Math.round(performance.now() - startedAt), failure })
    }
  }
  return { machine, guest: guests.machine, loadAfter: loadNow(), groups, figures }
}

function groupNamed(name: string): Group {
  const group = GROUPS[name]
  if (group === undefined) throw new Error(`there is no group ${name}`)
  return group
}

/** One guest, booted when the first group needs it. Its clock counts instructions: ratios hold there as well. */
class GuestForAll implements AsyncDisposable {
  /** As it told of itself. */
  machine: Machine | null = null
  #guest: Promise<Guest> | undefined

  async measure(name: string): Promise<Measured[]> {
    if (this.#guest === undefined) progress('boots a guest, whose kernel has IPVS')
    this.#guest ??= bootGuest({ kernel: 'newest' })
    const guest = await this.#guest
    const { exitCode, stdout, stderr } = await guest.run(process.execPath, [groupProcess, name], {
      timeoutMs: LIMIT_MS,
      onOutput: (stream, chunk) => stream === 'stderr' && process.stderr.write(chunk),
    })
    if (exitCode !== 0) throw new Error(`in the guest it ended with ${exitCode}: ${stderr.trim()}`)
    const [machine, ...measured] = stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    this.machine ??= machine
    return measured
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const guest = await this.#guest?.catch(() => undefined)
    await guest?.[Symbol.asyncDispose]()
  }
}

const groupProcess = fileURLToPath(new URL('./group-process.ts', import.meta.url))
const LIMIT_MS = 60 * 60_000
