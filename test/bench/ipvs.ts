/** What the director's part costs beside ipvsadm, on the table of big-table.ts. Needs a kernel with IPVS. */
import { fileURLToPath } from 'node:url'
import { ipvsadmRules } from '../../agent/report/ipvsadm-rules.ts'
import type { Host } from '../support/host.ts'
import { Segment } from '../support/segment.ts'
import { bigTable } from './big-table.ts'
import type { Measured, Target } from './figure.ts'
import { type Contestant, measure } from './measure.ts'

const ROUNDS = 5
const RULES = ipvsadmRules(bigTable())
const FIVE_TIMES_FASTER: Target = { of: 'ratio', bound: 'at most', limit: 1 / 5 }
const ipvsProcess = fileURLToPath(new URL('./ipvs-process.ts', import.meta.url))

export async function measureLoad(): Promise<Measured[]> {
  return await onDirector(async host => {
    const reset = () => clear(host)
    const theirs = ipvsadm(host, 'ipvsadm -R', ['-R'], RULES)
    const ours = { ...ofOurs(host, 'load'), peer: theirs.name, target: FIVE_TIMES_FASTER }
    return await measure(
      [theirs, ours].map(contestant => ({ ...contestant, reset })),
      ROUNDS,
    )
  })
}

/** Is that table still as it was (glance), and what is all of it (table)? */
export async function measureGlance(): Promise<Measured[]> {
  return await onDirector(async host => {
    await host.run('ipvsadm', ['-R'], { input: RULES })
    const theirs = ipvsadm(host, 'ipvsadm -Ln', ['-Ln'])
    const peer = theirs.name
    const glance = { ...ofOurs(host, 'glance'), peer, target: FIVE_TIMES_FASTER }
    return await measure([theirs, glance, { ...ofOurs(host, 'table'), peer }], ROUNDS)
  })
}

/** One message to the kernel, of a table of 10,000 real servers. */
export async function measureWeight(): Promise<Measured[]> {
  return await onDirector(async host => {
    await host.run('ipvsadm', ['-R'], { input: RULES })
    const edit = ['-e', '-t', '10.30.0.1:80', '-r', '10.40.0.1:80', '-g', '-w', '5']
    const theirs = ipvsadm(host, 'ipvsadm -e', edit)
    return await measure([theirs, { ...ofOurs(host, 'weight'), peer: theirs.name }], ROUNDS)
  })
}

async function onDirector(work: (host: Host) => Promise<Measured[]>): Promise<Measured[]> {
  await using segment = await Segment.build()
  const host = await segment.addHost('director', '10.10.10.11/24')
  await host.run('modprobe', ['-a', 'ip_vs', 'ip_vs_wlc'])
  await clear(host)
  return await work(host)
}

/** Without the start of the process. */
function ofOurs(host: Host, work: string): Contestant {
  return {
    name: `rs-agent ${work}`,
    run: async () => Number(await host.run(process.execPath, [ipvsProcess, work])),
  }
}

function ipvsadm(host: Host, name: string, args: string[], input = ''): Contestant {
  return { name, run: async () => void (await host.run('ipvsadm', args, { input })) }
}

async function clear(host: Host): Promise<void> {
  await host.run('ipvsadm', ['-C'])
}
