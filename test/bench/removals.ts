/**
 * From the death of a real server to its removal from the kernel's table, by `director run` and by Debian's keepalived and
 * ldirectord. The first failed check takes it out, for all three. Needs a kernel with IPVS.
 */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Host } from '../support/host.ts'
import { Segment } from '../support/segment.ts'
import { serving, untilServing } from '../support/serving.ts'
import { type DirectorName, startDirector } from '../support/three-directors.ts'
import type { Measured, Target } from './figure.ts'
import { PageServer } from './page-server.ts'
import { progress } from './progress.ts'
import { medianOf, quantileOf } from './samples.ts'

/** Once for each time that it died. */
interface Removals {
  name: DirectorName
  sinceDeathMs: number[]
  /** Since the first check that was refused; empty where none is. */
  sinceRefusalMs: number[]
}

/** How a real server dies: its port refuses, or its host says nothing any more. */
type Death = 'refuses' | 'gone'

const ROUNDS = 9
/** So short that the wait for the next check counts for little. */
const SHORT_MS = 20
const SOON: Target = { of: 'value', bound: 'under', limit: 50 }
/** No later than keepalived, but for what timers and this look at the table make of it. */
const NO_LATER: Target = { of: 'ratio', bound: 'at most', limit: 1.02 }
const DYING = '10.10.10.13'
const OTHER = '10.10.10.14'
const VIP = '10.10.10.100'

/** With a check a second. */
export async function measureRemovals(death: Death): Promise<Measured[]> {
  const all = await removalsBy(['keepalived', 'ldirectord', 'rs-agent'], { death, intervalMs: 1_000 })
  return all.flatMap(({ name, sinceDeathMs, sinceRefusalMs }) => {
    const median = medianOf(name, 'ms', sinceDeathMs)
    const refusal = sinceRefusalMs.length === 0 ? [] : refusalFigures(name, sinceRefusalMs)
    const beside = [
      { ...median, peer: 'keepalived', target: NO_LATER },
      { ...median, peer: 'ldirectord' },
    ]
    return [...(name === 'rs-agent' ? beside : [median]), worstOf(name, sinceDeathMs), ...refusal]
  })
}

/** With a check each 20 ms, of a port that refuses. */
export async function measureSoonRemovals(): Promise<Measured[]> {
  const all = await removalsBy(['keepalived', 'rs-agent'], { death: 'refuses', intervalMs: SHORT_MS })
  return all.flatMap(({ name, sinceDeathMs, sinceRefusalMs }) => {
    const median = medianOf(name, 'ms', sinceDeathMs)
    const worst = worstOf(name, sinceDeathMs)
    const ours = [
      { ...median, peer: 'keepalived' },
      { ...worst, target: SOON },
    ]
    return [...(name === 'rs-agent' ? ours : [median, worst]), ...refusalFigures(name, sinceRefusalMs)]
  })
}

function worstOf(name: string, samples: readonly number[]): Measured {
  return quantileOf(`${name}, at worst`, 'ms', samples, 1)
}

function refusalFigures(name: DirectorName, samples: readonly number[]): Measured[] {
  const since = `${name}, from the first refused check`
  const worst = worstOf(since, samples)
  return [medianOf(since, 'ms', samples), name === 'rs-agent' ? { ...worst, target: SOON } : worst]
}

interface Trial {
  death: Death
  intervalMs: number
}

/** One after the other, of the same real servers. */
async function removalsBy(names: readonly DirectorName[], trial: Trial): Promise<Removals[]> {
  await using segment = await Segment.build()
  const dying = await segment.addHost('dying', `${DYING}/24`)
  const other = await segment.addHost('other', `${OTHER}/24`)
  await other.run('modprobe', ['-a', 'ip_vs', 'ip_vs_rr'])
  await PageServer.start(other)
  const all: Removals[] = []
  for (const name of names) {
    progress(`${name} takes dead real servers out`)
    all.push(await removalsOf(name, { segment, dying, ...trial }))
  }
  return all
}

async function removalsOf(
  name: DirectorName,
  { segment, dying, death, intervalMs }: Trial & { segment: Segment; dying: Host },
): Promise<Removals> {
  const host = await segment.addHost(name, '10.10.10.11/24')
  let pages = await PageServer.start(dying)
  const watching = {
    services: [{ vip: VIP, realServers: [DYING, OTHER] }],
    intervalMs,
    timeoutMs: 1_000,
    fall: 1,
    // The others have none, and luck is not what is measured.
    jitter: 0,
  }
  const director = await startDirector(name, host, watching)
  await untilServing(host, [DYING, OTHER])
  const port = dying.nics[0]?.port
  const cable = (state: 'up' | 'down') => segment.switch.ip(`link set ${port} ${state}`)
  const removals: Removals = { name, sinceDeathMs: [], sinceRefusalMs: [] }
  for (let round = 0; round < ROUNDS; round++) {
    await nextCheck(dying)
    // Half way to the next one: no luck is measured.
    await sleep(intervalMs / 2)
    const refusalsBefore = tcpCount(dying, 'OutRsts')
    if (death === 'gone') await cable('down')
    const diedAt = performance.now()
    if (death === 'refuses') pages.kill()
    let refusedAt: number | null = null
    // The last time that nothing was refused yet: where both came at once it is no later than the refusal.
    let quietAt = diedAt
    while (serving(host).includes(DYING)) {
      const now = performance.now()
      if (tcpCount(dying, 'OutRsts') > refusalsBefore) refusedAt ??= now
      else quietAt = now
      await sleep(1)
    }
    const removedAt = performance.now()
    removals.sinceDeathMs.push(removedAt - diedAt)
    if (death === 'refuses') removals.sinceRefusalMs.push(removedAt - (refusedAt ?? quietAt))
    if (death === 'gone') await cable('up')
    else {
      await pages.ended
      pages = await PageServer.start(dying)
    }
    await untilServing(host, [DYING, OTHER])
  }
  await director.end()
  pages.kill()
  await pages.ended
  await segment.removeHost(host)
  return removals
}

async function nextCheck(host: Host): Promise<void> {
  const before = tcpCount(host, 'PassiveOpens')
  while (tcpCount(host, 'PassiveOpens') === before) await sleep(1)
}

/** Of /proc/net/snmp: connections that a host took, or resets that it sent, one for each that it refused. */
function tcpCount(host: Host, name: 'PassiveOpens' | 'OutRsts'): number {
  const lines = readFileSync(`/proc/${host.namespace.pid}/net/snmp`, 'latin1').split('\n')
  const [names = [], values = []] = lines.filter(each => each.startsWith('Tcp:')).map(each => each.split(' '))
  return Number(values[names.indexOf(name)])
}
