/**
 * What the director's part costs beside ipvsadm, on the table of `big-table.ts`. Runs where the kernel has IPVS;
 * bench.ts boots a guest where this machine's has none.
 */
import { fileURLToPath } from 'node:url'
import { ipvsadmRules } from '../../agent/report/ipvsadm-rules.ts'
import { Segment } from '../support/segment.ts'
import { bigTable } from './big-table.ts'
import { type Contestant, type Figure, measure, ms, timed } from './measure.ts'

const ROUNDS = 5
const rules = ipvsadmRules(bigTable())
const ipvsProcess = fileURLToPath(new URL('./ipvs-process.ts', import.meta.url))

await using segment = await Segment.build()
const host = await segment.addHost('director', '10.10.10.11/24')
await host.run('modprobe', ['-a', 'ip_vs', 'ip_vs_wlc'])

const ipvsadm = (args: string[], input = ''): Promise<string> => host.run('ipvsadm', args, { input })
const clear = async (): Promise<void> => void (await ipvsadm(['-C']))
const ours = (work: string): Contestant => ({
  name: `rs-agent ${work}`,
  run: async () => Number(await host.run(process.execPath, [ipvsProcess, work])),
})
const theirs = (name: string, args: string[], input?: string): Contestant => ({
  name,
  run: () => timed(() => ipvsadm(args, input)),
})

await clear()
report(
  'load 1,000 services with 10 real servers each',
  await measure(
    [
      { ...theirs('ipvsadm -R', ['-R'], rules), reset: clear },
      { ...ours('load'), reset: clear },
    ],
    ROUNDS,
  ),
)
await ipvsadm(['-R'], rules)
report(
  'is that table still as it was? (glance), and all of it (table)',
  await measure([theirs('ipvsadm -Ln', ['-Ln']), ours('glance'), ours('table')], ROUNDS),
)
report(
  'change one weight of those 10,000: one message to the kernel',
  await measure(
    [
      theirs('ipvsadm -e', ['-e', '-t', '10.30.0.1:80', '-r', '10.40.0.1:80', '-g', '-w', '5']),
      ours('weight'),
    ],
    ROUNDS,
  ),
)

/** Prints how many times faster than the first one the others are. */
function report(title: string, figures: readonly Figure[]): void {
  const [base] = figures
  process.stdout.write(`\n${title} (medians of ${ROUNDS})\n`)
  for (const figure of figures) {
    const times = (base?.medianMs ?? Number.NaN) / figure.medianMs
    const verdict = figure === base ? '' : `  ${times.toFixed(1)} times faster${isWanted(figure, times)}`
    process.stdout.write(
      `  ${figure.name.padEnd(24)} ${ms(figure.medianMs).padStart(9)} ±${figure.spreadMs.toFixed(1)}${verdict}\n`,
    )
  }
}

function isWanted({ name }: Figure, times: number): string {
  if (name !== 'rs-agent load' && name !== 'rs-agent glance') return ''
  return `, wanted at least 5${times >= 5 ? '' : ': MISSED'}`
}
