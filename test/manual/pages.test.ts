import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildProgram } from '../../agent/command-line/program.ts'
import { allCommands, readCommandTree } from '../../agent/manual/command-tree.ts'
import { runAsIfInstalled } from '../support/as-if-installed.ts'

const FOLDER = fileURLToPath(new URL('../../dist/man/', import.meta.url))
const PAGES = ['rs-agent.1', 'rs-agent.yaml.5']
const commands = allCommands(readCommandTree(buildProgram(async () => undefined)))

/** Where man(1) finds them by name. */
let manPath: string
beforeAll(() => {
  manPath = mkdtempSync(join(tmpdir(), 'rs-agent-man-'))
  for (const page of PAGES) {
    const section = join(manPath, `man${page.at(-1)}`)
    mkdirSync(section)
    symlinkSync(join(FOLDER, page), join(section, page))
  }
})
afterAll(() => rmSync(manPath, { recursive: true, force: true }))

describe.each(PAGES)('the page %s', page => {
  it('passes the lint of mandoc', async () => {
    const lint = await runAsIfInstalled('manuals', ['mandoc', '-T', 'lint', '-W', 'warning', FOLDER + page])
    expect(lint).toMatchObject({ exitCode: 0, all: '' })
  })

  it('is formatted by man without a warning', async () => {
    const env = { MANPATH: manPath, LC_ALL: 'C.UTF-8', MANWIDTH: '80' }
    const args = ['--warnings', '-E', 'UTF-8', '-l', '-Tutf8', '-Z', FOLDER + page]
    const { exitCode, stderr } = await execa('man', args, { env, reject: false })
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  })

  it('has a line for apropos', async () => {
    const { stdout } = await execa('lexgrog', [FOLDER + page])
    expect(stdout).toMatch(/: "rs-agent(\.yaml)? - .+"$/)
  })
})

describe('rs-agent(1)', () => {
  it('has every command, with every option of its --help, and its examples', async () => {
    const text = await shown('1', 'rs-agent')
    for (const { path, options, textAfter } of commands) {
      const section = sectionOf(text, path)
      // That every command has --help stands in one place.
      for (const { names, placeholder } of options)
        expect(names.includes('--help') ? text : section).toContain(
          names.join(', ') + (placeholder === null ? '' : ` ${placeholder}`),
        )
      for (const example of textAfter.match(/(?<=\$ )rs-agent.*?(?=\s+#|$)/gm) ?? [])
        expect(section).toContain(example)
    }
  })

  it('has every exit status of --help, in order', async () => {
    const [, statuses = ''] = /EXIT STATUS\n([\s\S]*?)ENVIRONMENT/.exec(await shown('1', 'rs-agent')) ?? []
    expect([...statuses.matchAll(/^ {7}(\d+)\s/gm)].map(([, status]) => Number(status))).toEqual([
      0, 1, 2, 3, 4, 64, 65, 69, 75, 77,
    ])
  })
})

describe('rs-agent.yaml(5)', () => {
  it('names keys as they are written, with what they take and their defaults', async () => {
    const text = (await shown('5', 'rs-agent.yaml')).replace(/\s+/g, ' ')
    expect(text).toContain(
      'realServer.vips[].address The VIP. Takes an IPv4 or IPv6 address such as 10.10.10.100.',
    )
    expect(text).toContain(
      'check[].interval Between tries. Takes a time such as 500ms, 2s or 1m. Default: 2s.',
    )
    expect(text).toContain('service.onAudible')
  })
})

describe('--help', () => {
  it.each(commands.filter(({ path, commands }) => path.length > 0 && commands.length === 0))(
    'of $path.0 $path.1 has examples that are commands of ours',
    async ({ path, textAfter }) => {
      expect(textAfter).toMatch(/^Examples:\n {2}\$ /)
      expect(textAfter).toContain(path.join(' '))
    },
  )
})

/** As it stands on a terminal of 200 columns, without bold and underlines. */
async function shown(section: string, name: string): Promise<string> {
  const env = {
    MANPATH: manPath,
    MANWIDTH: '200',
    LC_ALL: 'C.UTF-8',
    MAN_KEEP_FORMATTING: '',
    GROFF_NO_SGR: '1',
  }
  const { stdout } = await execa('man', [section, name], { env })
  return stdout.replaceAll(/.[\b]/g, '').replaceAll('‐\n', '-')
}

/** What stands below the heading of a command; of the program, and of a group of commands, the whole page. */
function sectionOf(page: string, words: readonly string[]): string {
  const isGroup = commands.some(
    ({ path }) => path.length > words.length && words.every((word, at) => path[at] === word),
  )
  if (isGroup) return page
  const heading = `\n   ${words.join(' ')}\n`
  const at = page.indexOf(heading)
  expect([heading, at >= 0]).toEqual([heading, true])
  const below = page.slice(at + heading.length)
  return below.slice(0, below.search(/^ {0,3}\S/m))
}
