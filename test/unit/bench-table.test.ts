import { expect, it } from 'vitest'
import { besidePeers, type Measured, type Target } from '../bench/figure.ts'
import { chosenGroups, GROUPS } from '../bench/groups.ts'
import type { Machine } from '../bench/machine.ts'
import type { BenchReport, MeasuredGroup } from '../bench/report.ts'
import { countOf, medianOf, quantileOf } from '../bench/samples.ts'
import { tableOf } from '../bench/table.ts'

const MACHINE: Machine = {
  cpu: 'Some CPU',
  cpus: 2,
  kernel: '6.1.0',
  node: 'v24.0.0',
  memoryBytes: 8 * 1024 ** 3,
  load: 0.52,
}
const HERE = { title: 'what it does', where: 'here', tookMs: 1 } as const

const reportOf = (groups: Record<string, Measured[]>, more: Partial<BenchReport> = {}): BenchReport => ({
  machine: MACHINE,
  guest: null,
  loadAfter: 1.98,
  groups: Object.keys(groups).map((name): MeasuredGroup => ({ name, ...HERE })),
  figures: Object.entries(groups).flatMap(([name, measured]) => besidePeers(name, measured)),
  ...more,
})
const target = (of: Target['of'], bound: Target['bound'], limit: number): Target => ({ of, bound, limit })

it('puts each figure beside its peer, and marks what is missed', () => {
  const script = medianOf('script', 'ms', [38, 40, 44])
  const ours = { ...medianOf('ours', 'ms', [1300, 1200, 1250]), peer: 'script' }
  const table = tableOf(
    reportOf({
      apply: [
        script,
        { ...ours, target: target('ratio', 'at most', 40) },
        { ...ours, name: 'ours, slow', target: target('ratio', 'at most', 1), note: 'it keeps a journal' },
      ],
      idle: [{ ...countOf('processor', '%', 0.0321), target: target('value', 'under', 0.1) }],
    }),
  )
  expect(table).toBe(
    `rs-agent bench on 2 x Some CPU, Linux 6.1.0, Node v24.0.0, 8.0 GiB, load 0.5 before, 2.0 after

          figure      median      ±IQR  of  beside its peer  wanted

apply: what it does
          script          40  ms    ±2   3
  met     ours         1,250  ms   ±50   3  31.25 x script   at most 40 x
  MISSED  ours, slow   1,250  ms   ±50   3  31.25 x script   at most 1 x
            ours, slow: it keeps a journal

idle: what it does
  met     processor    0.032  %          1                   under 0.1 %

2 of 3 targets met
MISSED: apply (ours, slow)
`,
  )
})

it('tells a figure once, and of its next peer only the ratio', () => {
  const median = medianOf('ours', 'ms', [2])
  const lines = tableOf(
    reportOf({
      repair: [
        countOf('quick', 'ms', 4),
        countOf('slow', 'ms', 1000),
        { ...median, peer: 'quick' },
        { ...median, peer: 'slow' },
      ],
    }),
  ).split('\n')
  expect(lines.filter(line => line.includes(' x '))).toEqual([
    expect.stringMatching(/^rs-agent bench on 2 x/),
    expect.stringMatching(/^ {2} +ours +2 {2}ms +±0 +1 +0\.50 x quick$/),
    expect.stringMatching(/^ +0\.002 x slow$/),
  ])
})

it('tells what a figure has above its peer, where that is what is wanted', () => {
  const ours = { ...countOf('ours', 'ms', 174), peer: 'bare', target: target('excess', 'under', 250) }
  expect(tableOf(reportOf({ verify: [countOf('bare', 'ms', 33.5), ours] }))).toMatch(
    /\n {2}met {2,}ours +174 {2}ms +1 {2}141 ms above bare {2}under 250 ms above it\n/,
  )
})

it('says which group failed, what the guest was, and what could not be told', () => {
  const guest = { ...MACHINE, cpu: 'An emulated one', cpus: 1 }
  const figures = besidePeers('repair', [
    medianOf('theirs', 'ms', []),
    { ...medianOf('ours', 'ms', [1]), peer: 'theirs', target: target('ratio', 'at most', 1) },
  ])
  const groups: MeasuredGroup[] = [
    { ...HERE, name: 'repair', where: 'guest' },
    { ...HERE, name: 'idle', failure: 'the run ended with 1' },
  ]
  const table = tableOf(reportOf({}, { groups, figures, guest }))
  expect(table).toContain('\nin the guest: 1 x An emulated one, ')
  expect(table).toContain('\nrepair: what it does (in the guest)\n')
  expect(table).toMatch(/\n {2} +theirs +never +0\n/)
  expect(table).toMatch(/\n {2}unknown {2}ours .* not to be compared with theirs +at most 1 x\n/)
  expect(table).toContain('\nidle: what it does\n  FAILED: the run ended with 1\n')
  expect(table).toMatch(/0 of 1 targets met\nunknown: repair \(ours\)\nFAILED: idle\n$/)
})

it.each([
  ['value', 'at most', 5, 'met'],
  ['value', 'under', 5, 'missed'],
  ['value', 'at least', 5, 'met'],
  ['value', 'at least', 6, 'missed'],
  ['ratio', 'at most', 2.5, 'met'],
  ['ratio', 'at most', 2.4, 'missed'],
  ['excess', 'under', 3.1, 'met'],
  ['excess', 'under', 3, 'missed'],
] as const)('judges 5 beside 2: %s %s %s is %s', (of, bound, limit, verdict) => {
  const ours = { ...countOf('ours', 'ms', 5), peer: 'theirs', target: target(of, bound, limit) }
  const [, figure] = besidePeers('group', [countOf('theirs', 'ms', 2), ours])
  expect(figure).toMatchObject({ group: 'group', ratio: 2.5, excess: 3, verdict })
})

it('takes what never came about for missed', () => {
  const ours = { ...medianOf('ours', 'ms', []), target: target('value', 'at most', 1) }
  expect(besidePeers('group', [ours])).toMatchObject([{ value: null, spread: null, verdict: 'missed' }])
})

it('does not compare with a peer that nobody measured', () => {
  expect(() => besidePeers('group', [{ ...countOf('ours', 'ms', 5), peer: 'theirs' }])).toThrow(
    'ours has no peer theirs',
  )
})

it('tells samples that were seen, whatever their order', () => {
  const samples = [9, 1, 5, 3, 7]
  expect(medianOf('all', 'ms', samples)).toEqual({ name: 'all', value: 5, unit: 'ms', spread: 4, samples: 5 })
  expect(quantileOf('worst', 'ms', samples, 1)).toMatchObject({ value: 9, spread: null })
})

it('chooses groups by their names, in its own order, and knows no others', () => {
  expect(chosenGroups(undefined)).toEqual(Object.keys(GROUPS))
  expect(chosenGroups('idle, netlink')).toEqual(['netlink', 'idle'])
  expect(() => chosenGroups('netlink,idel')).toThrow('there is no group idel; there are netlink, apply')
})
