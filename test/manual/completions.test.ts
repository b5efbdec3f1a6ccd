import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runAsIfInstalled } from '../support/as-if-installed.ts'

const PROGRAM = fileURLToPath(new URL('../../dist/rs-agent.js', import.meta.url))
const ZSH_TERMINAL = fileURLToPath(new URL('../support/zsh-terminal.zsh', import.meta.url))

/** What `rs-agent completion` prints, as a file for its shell. */
let folder: string
const scriptOf = (shell: string): string => join(folder, shell === 'zsh' ? '_rs-agent' : `rs-agent.${shell}`)

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rs-agent-completions-'))
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { stdout } = await execa(process.execPath, [PROGRAM, 'completion', shell])
    writeFileSync(scriptOf(shell), `${stdout}\n`)
  }
  writeFileSync(join(folder, 'config.yaml'), '')
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A line with what stands before the cursor, and what may stand there instead of its last word. */
const LINES: [line: string, offered: string[]][] = [
  ['pla', ['plan']],
  ['dr', ['drain']],
  ['--json director imp', ['import']],
  ['director import --kind ', ['ipvsadm', 'keepalived', 'ldirectord']],
  ['director drain 10.10.10.12 --no', ['--no-color', '--no-wait']],
  ['service ', ['install', 'status', 'uninstall']],
  // The folder is no command, whatever it is called.
  ['--root plan sta', ['status']],
  [
    'verify --only arp-silence,vip-',
    ['arp-silence,vip-bound', 'arp-silence,vip-owner', 'arp-silence,vip-route'],
  ],
  ['director verify --skip real-server-', ['real-server-arp', 'real-server-path']],
  ['explain nfs', ['nfs-mounted']],
  ['completion ', ['bash', 'fish', 'zsh']],
  ['init --role d', ['director']],
  ['init --interface l', ['lo']],
  ['--config conf', ['config.yaml']],
  ['director import conf', ['config.yaml']],
  ['verify --only arp-silence,vip-b', ['arp-silence,vip-bound']],
  ['director import --kind l', ['ldirectord']],
]

describe('completions for bash', () => {
  it('are read without a complaint', async () => {
    expect(await execa('bash', ['-n', scriptOf('bash')], { all: true })).toMatchObject({ all: '' })
  })

  it.each(LINES)('offer after rs-agent %s what may follow', async (line, offered) => {
    const script = `source "$0"; COMP_WORDS=(rs-agent "$@"); COMP_CWORD=$#; _rs_agent; printf '%s\\n' "\${COMPREPLY[@]}"`
    const { stdout } = await execa('bash', ['-c', script, scriptOf('bash'), ...line.split(' ')], {
      cwd: folder,
    })
    expect(stdout.split('\n').sort()).toEqual(offered)
  })

  it('are what bash completes rs-agent with', async () => {
    const { stdout } = await execa('bash', ['-c', 'source "$0"; complete -p rs-agent', scriptOf('bash')])
    expect(stdout).toBe('complete -F _rs_agent rs-agent')
  })
})

describe('completions for zsh', () => {
  it('are read without a complaint', async () => {
    expect(await runAsIfInstalled('shells', ['zsh', '-n', scriptOf('zsh')])).toMatchObject({
      exitCode: 0,
      all: '',
    })
  })

  it('complete what was typed on a terminal', async () => {
    const lines = LINES.filter(([, offered]) => offered.length === 1)
    const typed = lines.map(([line]) => `rs-agent ${line}`)
    const { exitCode, stdout, all } = await runAsIfInstalled('shells', [
      'zsh',
      '-f',
      ZSH_TERMINAL,
      folder,
      ...typed,
    ])
    expect(exitCode, all).toBe(0)
    const completed = lines.map(([line, [word]]) => `rs-agent ${line.replace(/\S*$/, word ?? '')} |`)
    // After a list with commas, which may go on, there is a comma instead of a space.
    expect(stdout.replaceAll(',|', ' |').split('\n')).toEqual(completed)
  })
})

describe('completions for fish', () => {
  it('are read without a complaint', async () => {
    const read = await runAsIfInstalled('shells', ['fish', '--no-config', '-n', scriptOf('fish')])
    expect(read).toMatchObject({ exitCode: 0, all: '' })
  })

  it.each(LINES)('offer after rs-agent %s what may follow', async (line, offered) => {
    const script = 'cd $argv[1]; source rs-agent.fish; complete -C "$argv[2]"'
    const args = ['fish', '--no-config', '-c', script, folder, `rs-agent ${line}`]
    const { stdout } = await runAsIfInstalled('shells', args, { env: { HOME: folder } })
    const words = stdout.split('\n').map(offer => offer.split('\t', 1)[0])
    expect(words.sort()).toEqual(offered)
  })
})
