import type { Figure, Target, Unit } from './figure.ts'
import type { Machine } from './machine.ts'
import type { BenchReport, MeasuredGroup } from './report.ts'

/** One table for people: each figure beside its peer, and what was wanted of it. */
export function tableOf(report: BenchReport): string {
  const rows = new Map(report.groups.map(({ name }) => [name, rowsOf(report, name)]))
  const widths = widthsOf([HEADINGS, ...[...rows.values()].flat()])
  const groups = report.groups.flatMap(group => [
    '',
    titleOf(group),
    ...(rows.get(group.name) ?? []).map(row => `  ${aligned(row, widths)}`),
    ...notesOf(report, group),
  ])
  return [...machineLines(report), '', `  ${aligned(HEADINGS, widths)}`, ...groups, '', summaryOf(report)]
    .map(line => `${line.trimEnd()}\n`)
    .join('')
}

interface Row {
  verdict: string
  name: string
  value: string
  unit: string
  spread: string
  samples: string
  comparison: string
  wanted: string
}

const HEADINGS: Row = {
  verdict: '',
  name: 'figure',
  value: 'median',
  unit: '',
  spread: '±IQR',
  samples: 'of',
  comparison: 'beside its peer',
  wanted: 'wanted',
}
/** Below the names. */
const NOTE_INDENT = 12
const COLUMNS = Object.keys(HEADINGS) as (keyof Row)[]
const TO_THE_RIGHT: ReadonlySet<keyof Row> = new Set(['value', 'spread', 'samples'])

function rowsOf({ figures }: BenchReport, group: string): Row[] {
  const ours = figures.filter(figure => figure.group === group)
  // Told again beside its next peer: only what is new.
  return ours.map((figure, index) =>
    figure.name === ours[index - 1]?.name
      ? { ...rowOf(figure), name: '', value: '', unit: '', spread: '', samples: '' }
      : rowOf(figure),
  )
}

function rowOf(figure: Figure): Row {
  const { name, value, unit, spread, samples, target, verdict } = figure
  return {
    // First of all: what is missed meets the eye.
    verdict: verdict === undefined ? '' : VERDICTS[verdict],
    name,
    value: value === null ? 'never' : numberText(value),
    unit: value === null ? '' : unit,
    spread: spread === null ? '' : `±${numberText(spread)}`,
    samples: String(samples),
    comparison: comparisonText(figure),
    wanted: target === undefined ? '' : targetText(target, unit),
  }
}

const VERDICTS = { met: 'met', missed: 'MISSED', unknown: 'unknown' } as const

function comparisonText({ peer, ratio, excess, unit, target }: Figure): string {
  if (peer === undefined) return ''
  if (ratio === undefined || excess === undefined) return `not to be compared with ${peer}`
  if (target?.of === 'excess') return `${numberText(excess)} ${unit} above ${peer}`
  return `${ratioText(ratio)} x ${peer}`
}

function targetText({ of, bound, limit }: Target, unit: Unit): string {
  switch (of) {
    case 'value':
      return `${bound} ${limit.toLocaleString('en-US')} ${unit}`
    case 'ratio':
      return `${bound} ${limit} x`
    case 'excess':
      return `${bound} ${limit.toLocaleString('en-US')} ${unit} above it`
    default:
      return of satisfies never
  }
}

function notesOf({ figures }: BenchReport, { name, failure }: MeasuredGroup): string[] {
  const notes = figures.filter(figure => figure.group === name && figure.note !== undefined)
  const texts = notes.map(figure => `${figure.name}: ${figure.note}`)
  return [
    ...texts.map(text => `${' '.repeat(NOTE_INDENT)}${text}`),
    ...(failure === undefined ? [] : [`  FAILED: ${failure}`]),
  ]
}

function titleOf({ name, title, where }: MeasuredGroup): string {
  return `${name}: ${title}${where === 'guest' ? ' (in the guest)' : ''}`
}

function machineLines({ machine, guest, loadAfter }: BenchReport): string[] {
  const load = `load ${machine.load.toFixed(1)} before, ${loadAfter.toFixed(1)} after`
  const inside = guest === null ? [] : [`in the guest: ${machineText(guest)}; its clock counts instructions`]
  return [`rs-agent bench on ${machineText(machine)}, ${load}`, ...inside]
}

function machineText({ cpu, cpus, kernel, node, memoryBytes }: Machine): string {
  return `${cpus} x ${cpu}, Linux ${kernel}, Node ${node}, ${(memoryBytes / 1024 ** 3).toFixed(1)} GiB`
}

function summaryOf({ figures, groups }: BenchReport): string {
  const judged = figures.filter(({ verdict }) => verdict !== undefined)
  const named = (verdict: string) =>
    judged.filter(figure => figure.verdict === verdict).map(({ group, name }) => `${group} (${name})`)
  const failed = groups.filter(({ failure }) => failure !== undefined).map(({ name }) => name)
  const parts = [
    `${named('met').length} of ${judged.length} targets met`,
    ...[
      ['MISSED', named('missed')] as const,
      ['unknown', named('unknown')] as const,
      ['FAILED', failed] as const,
    ].flatMap(([what, names]) => (names.length === 0 ? [] : [`${what}: ${names.join(', ')}`])),
  ]
  return parts.join('\n')
}

/** As many decimals as tell something. */
function numberText(value: number): string {
  const size = Math.abs(value)
  const decimals = Number.isInteger(value) || size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3
  return value.toLocaleString('en-US', { maximumFractionDigits: decimals, minimumFractionDigits: decimals })
}

/** Far below one the first digits count, not the first decimals. */
function ratioText(ratio: number): string {
  return ratio < 0.1 ? String(Number(ratio.toPrecision(2))) : ratio.toFixed(2)
}

function widthsOf(rows: readonly Row[]): Map<keyof Row, number> {
  return new Map(COLUMNS.map(column => [column, Math.max(...rows.map(row => row[column].length))]))
}

function aligned(row: Row, widths: ReadonlyMap<keyof Row, number>): string {
  return COLUMNS.map(column => {
    const width = widths.get(column) ?? 0
    return TO_THE_RIGHT.has(column) ? row[column].padStart(width) : row[column].padEnd(width)
  }).join('  ')
}
