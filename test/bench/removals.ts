import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Host } from '../support/host.ts'
import type { Segment } from '../support/segment.ts'
import { serving, untilServing } from '../support/serving.ts'
import { DIRECTOR_NAMES, type DirectorName, startDirector } from '../support/three-directors.ts'
import { PageServer } from './page-server.ts'

/** From the death of a real server to its removal, once for each time that it died. */
interface Removals {
  name: DirectorName
  sinceDeathMs: number[]
  /** Since the first check that was refused; empty where none is. */
  sinceRefusalMs: number[]
}

/** How a real server dies: its port refuses, or its host says nothing any more. */
type Death = 'refuses' | 'gone'

const ROUNDS = 9
const WANTED_MS = 50
/** No later, but for what timers and this look at the table make of it. */
const WANTED_RATIO = 1.02
const DYING = '10.10.10.13'
const OTHER = '10.10.10.14'
const VIP = '10.10.10.100'

/** The first failed check takes a real server out, for all three. */
export async function reportRemovals(segment: Segment, line: (text: string) => void): Promise<void> {
  const dying = await segment.addHost('dying', `${DYING}/24`)
  const other = await segment.addHost('other', `${OTHER}/24`)
  await PageServer.start(other)
  for (const [death, what] of Object.entries(WHATS) as [Death, string][]) {
    line(`\nfrom the death of a real server to its removal, with a check a second: ${what}`)
    const all: Removals[] = []
    for (const name of DIRECTOR_NAMES) {
      const removals = await measureRemovals(segment, dying, { name, death, intervalMs: 1_000 })
      line(textOf(removals))
      all.push(removals)
    }
    line(verdictOf(all))
  }
  line(`\nits port refuses, with a check each ${SHORT_MS} ms`)
  for (const name of ['rs-agent', 'keepalived'] as const) {
    const removals = await measureRemovals(segment, dying, { name, death: 'refuses', intervalMs: SHORT_MS })
    const worst = Math.max(...removals.sinceDeathMs)
    const verdict =
      name === 'rs-agent' ? `, wanted under ${WANTED_MS}${worst < WANTED_MS ? '' : ': MISSED'}` : ''
    line(`${textOf(removals)}${verdict}`)
  }
}

const WHATS: Record<Death, string> = { refuses: 'its port refuses', gone: 'its host is gone' }
/** So short that the wait for the next check counts for little. */
const SHORT_MS = 20

interface Trial {
  name: DirectorName
  death: Death
  intervalMs: number
}

async function measureRemovals(segment: Segment, dying: Host, trial: Trial): Promise<Removals> {
  const { name, death, intervalMs } = trial
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
    while (serving(host).includes(DYING)) {
      if (refusedAt === null && tcpCount(dying, 'OutRsts') > refusalsBefore) refusedAt = performance.now()
      await sleep(1)
    }
    const removedAt = performance.now()
    removals.sinceDeathMs.push(removedAt - diedAt)
    if (death === 'refuses') removals.sinceRefusalMs.push(removedAt - (refusedAt ?? removedAt))
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

function textOf({ name, sinceDeathMs, sinceRefusalMs }: Removals): string {
  const figures = (values: number[]) =>
    `${median(values).toFixed(1)} ms, at worst ${Math.max(...values).toFixed(1)}`
  const refusal =
    sinceRefusalMs.length === 0 ? '' : `; from the first refused check ${figures(sinceRefusalMs)}`
  return `  ${name.padEnd(12)} ${figures(sinceDeathMs)}${refusal}`
}

function verdictOf(all: readonly Removals[]): string {
  const removalsOf = (wanted: DirectorName) => all.find(({ name }) => name === wanted)
  const sinceDeathMs = (name: DirectorName) => median(removalsOf(name)?.sinceDeathMs ?? [])
  const ratio = sinceDeathMs('rs-agent') / sinceDeathMs('keepalived')
  const refusals = removalsOf('rs-agent')?.sinceRefusalMs ?? []
  const isSoon = Math.max(...refusals) < WANTED_MS
  const soon =
    refusals.length === 0 ? '' : `; from a refusal under ${WANTED_MS} ms${isSoon ? '' : ': MISSED'}`
  const verdict = ratio <= WANTED_RATIO ? '' : ': MISSED'
  return `  rs-agent's is ${ratio.toFixed(2)} x that of keepalived, wanted at most ${WANTED_RATIO}${verdict}${soon}`
}

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN
}
