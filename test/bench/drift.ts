/** How soon `rs-agent run` puts right what somebody undoes, beside others that keep addresses bound. */
import { Segment } from '../support/segment.ts'
import type { Trial } from './drift-process.ts'
import type { Measured, Target } from './figure.ts'
import { KEEPERS, type Keeper, startKeeper } from './keepers.ts'
import { KeptRun } from './kept-run.ts'
import { ADDRESS, PATIENCE_MS, type Repairs, repairs, SYSCTL } from './repairs.ts'
import { countOf, medianOf, quantileOf } from './samples.ts'

const OURS = 'rs-agent run'

/** A VIP that is deleted, until it is back. */
export async function measureVipRepairs(): Promise<Measured[]> {
  await using segment = await Segment.build()
  const ours = await repairsOfOurs(segment, ADDRESS)
  const theirs: Measured[] = []
  for (const keeper of KEEPERS) theirs.push(...figuresOfPeer(keeper, await repairsOfPeer(segment, keeper)))
  return [
    ...theirs,
    ...figuresOfOurs(ours, {
      most: { medianMs: 1, p99Ms: 5 },
      peers: KEEPERS.map(({ name }) => name),
    }),
  ]
}

/** A sysctl of a NIC that is changed, until it is put right. */
export async function measureSysctlRepairs(): Promise<Measured[]> {
  await using segment = await Segment.build()
  return figuresOfOurs(await repairsOfOurs(segment, SYSCTL), {
    most: { medianMs: 10, p99Ms: 1_000 },
    peers: [],
  })
}

async function repairsOfOurs(segment: Segment, trial: Trial): Promise<Repairs> {
  const host = await segment.addHost('kept', '10.10.10.52/24')
  await using _run = await KeptRun.start(host)
  return await repairs(host, trial)
}

async function repairsOfPeer(segment: Segment, keeper: Keeper): Promise<Repairs> {
  const host = await segment.addHost('peer', '10.10.10.53/24')
  const { process } = await startKeeper(keeper, host)
  const found = await repairs(host, { ...ADDRESS, rounds: keeper.rounds })
  process.kill('SIGKILL')
  await process
  await segment.removeHost(host)
  return found
}

interface Judges {
  most: { medianMs: number; p99Ms: number }
  peers: readonly string[]
}

function figuresOfOurs({ tookMs, never }: Repairs, { most, peers: [first, ...others] }: Judges): Measured[] {
  const median = medianOf(OURS, 'ms', tookMs)
  const atMost = (limit: number): Target => ({ of: 'value', bound: 'at most', limit })
  return [
    { ...median, target: atMost(most.medianMs), ...(first !== undefined && { peer: first }) },
    ...others.map(peer => ({ ...median, peer })),
    { ...quantileOf(`${OURS}, 99 of 100`, 'ms', tookMs, 0.99), target: atMost(most.p99Ms) },
    {
      ...countOf(`${OURS}, not within ${PATIENCE_MS / 1000} s`, 'times', never),
      samples: tookMs.length + never,
      target: atMost(0),
    },
  ]
}

function figuresOfPeer({ name }: Keeper, { tookMs, never }: Repairs): Measured[] {
  const late = `${never} of ${tookMs.length + never} not within ${PATIENCE_MS / 1000} s`
  return [
    { ...medianOf(name, 'ms', tookMs), ...(never > 0 && { note: late }) },
    ...(tookMs.length === 0 ? [] : [quantileOf(`${name}, 99 of 100`, 'ms', tookMs, 0.99)]),
  ]
}
