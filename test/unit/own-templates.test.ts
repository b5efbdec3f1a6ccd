import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { OWN_TEMPLATES, readOwnTemplate, readTemplate } from '../../agent/host/templates.ts'

const NAME = 'httpd/apache.conf'

describe('a template of the host’s own', () => {
  let root: string
  let own: string
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'rs-agent-templates-'))
    own = join(root, OWN_TEMPLATES, NAME)
    mkdirSync(dirname(own), { recursive: true })
  })
  afterEach(() => rmSync(root, { recursive: true }))

  it('comes first, and without one that of the program', () => {
    expect(readOwnTemplate(NAME, root)).toBe(readTemplate(NAME))
    writeFileSync(own, 'Listen {{port}}\n')
    expect(readOwnTemplate(NAME, root)).toBe('Listen {{port}}\n')
  })

  it.each([
    ['a link that leads nowhere', () => symlinkSync('/nowhere/apache.conf', own), /ENOENT/],
    ['a folder', () => mkdirSync(own), /EISDIR/],
    [
      'bytes that are no text',
      () => writeFileSync(own, Buffer.of(0x23, 0xe9, 0x0a)),
      /not valid for encoding/,
    ],
  ] as const)('is never silently replaced by that of the program: %s', (_, make, why) => {
    make()
    expect(() => readOwnTemplate(NAME, root)).toThrow(why)
    expect(() => readOwnTemplate(NAME, root)).toThrow(`cannot read template ${NAME}, ${own}: `)
  })
})
