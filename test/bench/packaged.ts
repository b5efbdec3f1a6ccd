/** What the packages weigh, and what a run of the single executable costs beside a script that does the same by hand. */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { Agent } from '../support/rs-agent.ts'
import { Segment } from '../support/segment.ts'
import { BARE_NODE, bareNode } from './contestants.ts'
import type { Measured } from './figure.ts'
import { measure } from './measure.ts'
import { progress } from './progress.ts'
import { countOf } from './samples.ts'

const VIP = '10.10.10.100'
const project = fileURLToPath(new URL('../..', import.meta.url))
const commonScript = join(project, 'test/support/common-script.sh')

export async function measurePackaged(): Promise<Measured[]> {
  const folder = mkdtempSync(join(tmpdir(), 'rs-agent-packages-'))
  try {
    progress('makes the packages')
    await execa(process.execPath, ['agent/packaging/package.ts', folder], { cwd: project })
    const files = readdirSync(folder)
    const executable = join(folder, fileNamed(files, /^rs-agent-linux-[a-z0-9]+$/))
    const debian = join(folder, fileNamed(files, /^rs-agent_.*\.deb$/))
    return [
      ...(await measureExecutable(executable)),
      under('the .deb without the runtime', debian, 1),
      under('the single executable', executable, 130),
    ]
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Nothing to do for one VIP, and all of it done by the script. */
async function measureExecutable(executable: string): Promise<Measured[]> {
  await using segment = await Segment.build()
  const host = await segment.addHost('rs1', '10.10.10.12/24')
  const scripted = await segment.addHost('rs2', '10.10.10.13/24')
  await using agent = new Agent(host, `realServer: { vips: [{ address: ${VIP} }] }\n`)
  const apply = () => host.run(executable, ['--root', agent.root, 'apply'])
  const script = (verb: 'start' | 'stop') => scripted.run('bash', [commonScript, verb], { env: { VIP } })
  await apply()
  const byHand = 'the usual script'
  const [bare, theirs, ours] = await measure(
    [
      bareNode(host),
      {
        name: byHand,
        run: async () => void (await script('start')),
        reset: async () => void (await script('stop')),
      },
      { name: 'single executable, apply', run: async () => void (await apply()) },
    ],
    15,
  )
  if (bare === undefined || theirs === undefined || ours === undefined) throw new Error('nothing measured')
  return [
    bare,
    theirs,
    { ...ours, peer: BARE_NODE, target: { of: 'ratio', bound: 'at most', limit: 2 } },
    { ...ours, peer: byHand, target: { of: 'excess', bound: 'at most', limit: 60 } },
  ]
}

function fileNamed(files: readonly string[], name: RegExp): string {
  const file = files.find(each => name.test(each))
  if (file === undefined) throw new Error(`there is no package like ${name} among ${files.join(', ')}`)
  return file
}

function under(name: string, path: string, limit: number): Measured {
  const megabytes = statSync(path).size / 1e6
  return { ...countOf(name, 'MB', megabytes), target: { of: 'value', bound: 'under', limit } }
}
