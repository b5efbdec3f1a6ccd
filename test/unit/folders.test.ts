import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { filesBelow } from '../../agent/host/files.ts'

describe('a look at a folder', () => {
  let root: string
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'rs-agent-folders-'))
    mkdirSync(join(root, 'srv/www'), { recursive: true })
    for (const name of ['b', 'a']) writeFileSync(join(root, 'srv/www', name), '')
  })
  afterEach(() => rmSync(root, { recursive: true }))

  const look = (path: string) => filesBelow(root).folder(path)

  it('tells what is in it, or that it is no folder, or not there', () => {
    expect(look('/srv/www')).toEqual({ kind: 'folder', entries: ['a', 'b'] })
    expect(look('/srv/www/a')).toEqual({ kind: 'other' })
    for (const path of ['/srv/none', '/none/www', '/srv/www/a/b']) expect(look(path)).toBeNull()
  })

  it('finds it by a root that is a link itself', () => {
    symlinkSync(root, `${root}.link`)
    try {
      expect(filesBelow(`${root}.link`).folder('/srv/www')).toMatchObject({ kind: 'folder' })
    } finally {
      rmSync(`${root}.link`)
    }
  })

  it.each([
    ['/srv/link', '/srv/away', { kind: 'link', to: '/srv/away' }],
    ['/srv/link', 'www', { kind: 'link', to: 'ROOT/srv/www' }],
    // Of a share whose server is dead nothing would ever come back.
    ['/srv/link/pages/html', '/dead/share', { kind: 'link', to: '/dead/share/pages/html' }],
    ['/srv/link/pages', '../other', { kind: 'link', to: 'ROOT/other/pages' }],
  ] as const)('ends at the first link on the way to %s, which is not followed to %s', (path, to, found) => {
    symlinkSync(to, join(root, 'srv/link'))
    expect(look(path)).toEqual({ ...found, to: found.to.replace('ROOT', root) })
  })
})
