import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  apache,
  type Dialect,
  fstab,
  lines,
  nginx,
  sysctl,
  systemdLine,
  systemdWord,
} from '../../agent/model/dialect.ts'
import { renderTemplate } from '../../agent/model/template.ts'
import * as readers from '../support/config-readers.ts'

interface Case {
  name: string
  dialect: Dialect
  read: readers.Reader
  template: string
  /** What is read where the values are these. */
  due: (first: string, second: string) => string[][]
  /** What it would put a variable in for, wherever it stands. */
  variable?: RegExp
}

const cases: Case[] = [
  {
    name: 'Apache',
    dialect: apache,
    variable: /[$%]\{/,
    read: readers.readApache,
    template: '# {{a}}\n<Directory {{a}} >\n  Alias {{a}} {{b}}\n  Alias /x {{b}}\n</Directory>\n',
    due: (a, b) => [['<Directory', a, '>'], ['Alias', a, b], ['Alias', '/x', b], ['</Directory>']],
  },
  {
    name: 'nginx',
    dialect: nginx,
    variable: /\$/,
    read: readers.readNginx,
    template: "# don't {{a}}\nserver {\n  if (-f {{a}}) { return 418; }\n  root {{a}}; set 'x' {{b}};\n}\n",
    due: (a, b) => [
      ['server', '{'],
      ['if', '(-f', a, ')', '{'],
      ['return', '418'],
      ['}'],
      ['root', a],
      ['set', 'x', b],
      ['}'],
    ],
  },
  {
    name: 'fstab',
    dialect: fstab,
    read: readers.readFstab,
    template: '# {{a}}\n{{a}} {{b}} nfs ro 0 0\n',
    due: (a, b) => [[a, b, 'nfs', 'ro', '0', '0']],
  },
  {
    name: 'words of a systemd unit',
    dialect: systemdWord,
    read: readers.readSystemdWords,
    template: '# {{a}}\nExecStart=/bin/true {{a}} {{b}}\n',
    due: (a, b) => [['ExecStart=/bin/true', a, b]],
  },
  {
    name: 'lines of a systemd unit',
    dialect: systemdLine,
    read: readers.readSystemdLines,
    template: '# {{a}}\nWhat={{a}}\nWhere={{b}}\n',
    due: (a, b) => [[`What=${a}`], [`Where=${b}`]],
  },
  {
    name: 'sysctl.d',
    dialect: sysctl,
    read: readers.readSysctl,
    template: '# {{a}}\n-{{a}} = {{b}}\n',
    due: (a, b) => [[`-${a}`, b]],
  },
  {
    name: 'lines',
    dialect: lines,
    read: text =>
      text
        .trimEnd()
        .split('\n')
        .map(line => [line]),
    template: '{{a}} {{b}}!\n',
    due: (a, b) => [[`${a} ${b}!`]],
  },
]

const piece = fc.constantFrom(
  ...[
    '"',
    "'",
    '\\',
    '$',
    '${',
    'HOME}',
    '$1',
    '%',
    '%{x}',
    '%n',
    '#',
    ';',
    '{',
    '}',
    '<',
    '>',
    '(',
    ')',
    '=',
  ],
  ...[
    '*',
    '[',
    ' ',
    '\t',
    '\n',
    '\r',
    '\0',
    '\u00a0',
    '\u2028',
    'é',
    '😀',
    '\ud800',
    '\\n',
    '\\040',
    '\\x20',
  ],
  ...['a', '0', '/srv', '</VirtualHost>', '; load_module x;', '{{b}}', '{{{b}}}', '\\\n'],
)
const hostile = fc.array(piece, { maxLength: 8 }).map(pieces => pieces.join(''))

describe.each(cases)('the dialect of $name', ({ dialect, read, template, due, variable }) => {
  it('has every value read back as it is, and every other directive as it was, or refuses it', () => {
    let rendered = 0
    fc.assert(
      fc.property(hostile, hostile, (a, b) => {
        const text = renderedOrRefused(template, { a, b }, dialect)
        if (text === null) return
        rendered++
        expect(read(text)).toEqual(due(a, b))
        if (variable) expect(text).not.toMatch(variable)
      }),
      { numRuns: 3000 },
    )
    // Not everything is refused.
    expect(rendered).toBeGreaterThan(100)
  })

  it.each(['a\nb', 'a\rb', 'a\0b', 'a\u007fb', '\ud800'])('refuses %j', value => {
    expect(() => dialect.quote(value)).toThrow()
  })
})

function renderedOrRefused(
  template: string,
  values: Record<string, string>,
  dialect: Dialect,
): string | null {
  try {
    return renderTemplate(template, values, dialect)
  } catch (error) {
    expect(error).toMatchObject({ code: 'config-invalid' })
    return null
  }
}

describe('what cannot be expressed', () => {
  it.each<[string, Dialect, string]>([
    ['a variable of Apache', apache, '/srv/\u0024{HOME}'],
    ['an expression of Apache', apache, '%{HTTP_HOST}'],
    ['a variable of nginx', nginx, '/srv/$uri'],
    ['a variable of systemd', systemdWord, '$HOME'],
    ['a line of systemd that goes on', systemdLine, '/srv\\'],
    ['a pattern of sysctl.d', sysctl, 'net/ipv4/conf/*/arp_ignore'],
  ])('is %s', (_, dialect, value) => {
    expect(() => dialect.quote(value)).toThrow(/would|not/)
  })
})

describe('the real findmnt', () => {
  it('reads the fields of an fstab as they are', () => {
    const folder = mkdtempSync(join(tmpdir(), 'rs-agent-fstab-'))
    try {
      const file = join(folder, 'fstab')
      const source = '10.0.0.1:/a b\\040"c\'#é'
      const target = '/mnt/#1 \\ é'
      const values = { source, target }
      writeFileSync(file, renderTemplate('{{source}} {{target}} nfs ro 0 0\n', values, fstab))
      const found = execFileSync('findmnt', ['--tab-file', file, '--json'], { encoding: 'utf8' })
      expect(JSON.parse(found).filesystems).toMatchObject([{ source, target, fstype: 'nfs', options: 'ro' }])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
