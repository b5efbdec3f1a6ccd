import { execFileSync } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { inOneFile } from '../../agent/packaging/one-file.ts'
import { launcherOf, PROGRAM_FILE, withId } from '../../agent/packaging/program.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rs-agent-one-file-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** Puts the files into one, starts it, and returns what it wrote. */
function run(files: Readonly<Record<string, string>>, env: NodeJS.ProcessEnv = {}): string {
  const parts = Object.entries(files).map(([fileName, code]) => ({ fileName, code }))
  writeFileSync(join(folder, PROGRAM_FILE), withId(inOneFile(parts, 'main.cjs')))
  writeFileSync(join(folder, 'launcher.js'), launcherOf({ cacheFolder: './compiled' }))
  return execFileSync(process.execPath, [join(folder, 'launcher.js'), 'a', 'b'], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, ...env },
  })
}

it('runs a part when it is first required, once, also one that requires the start', () => {
  const main = `exports.word = 'start'
    console.log(process.argv.slice(2).join())
    const load = () => require('./later.cjs')
    console.log('before'); load(); console.log(load().said)`
  const later = `console.log('later'); exports.said = require('./main.cjs').word`
  expect(run({ 'main.cjs': main, 'later.cjs': later, 'never.cjs': 'console.log("never")' })).toBe(
    'a,b\nbefore\nlater\nstart\n',
  )
})

it('throws again what a part throws, when it is required again', () => {
  const main = `for (const _ of [1, 2])
      try { require('./bad.cjs'); console.log('loaded') } catch (error) { console.log(error.message) }`
  expect(run({ 'main.cjs': main, 'bad.cjs': 'exports.half = 1; throw new Error("no addon")' })).toBe(
    'no addon\nno addon\n',
  )
})

it('loads a module of Node.js when something is taken from it', () => {
  const main = `const tls = require('node:tls')
    const isLoaded = () => process.moduleLoadList.includes('NativeModule tls')
    console.log(isLoaded(), typeof tls.connect, isLoaded(), 'connect' in tls, new (require('net').Socket)().constructor.name)`
  expect(run({ 'main.cjs': main })).toBe('false function true true Socket\n')
})

it('says what is not ASCII by escapes that mean the same', () => {
  const main = `console.log('ü → 😀', \`…\`, /[é😀]/u.test('😀'), 'Ω'.codePointAt(0) /* ß */)`
  expect(run({ 'main.cjs': main })).toBe('ü → 😀 … true 937\n')
  expect(readFileSync(join(folder, PROGRAM_FILE), 'utf8')).toMatch(/^[\0-\u007f]*$/)
})

it('keeps what was compiled where there is a folder for it, anew when it is no good', () => {
  const files = { 'main.cjs': 'console.log("here")' }
  const kept = () => readdirSync(join(folder, 'compiled')).map(name => join(folder, 'compiled', name))
  expect(run(files)).toBe('here\n')
  mkdirSync(join(folder, 'compiled'))
  // What V8 keeps under these flags it refuses without them.
  expect(run(files, { NODE_OPTIONS: '--stack-trace-limit=30' })).toBe('here\n')
  expect(kept()).toEqual([])
  run(files)
  const [first, ...others] = kept()
  expect(others).toEqual([])
  if (first === undefined) throw new Error('nothing was kept')
  const good = readFileSync(first)
  const damage = [
    () => truncateSync(first, 100),
    () => truncateSync(first, 0),
    () =>
      writeFileSync(
        first,
        good.map((byte, at) => (at % 97 === 50 ? byte ^ 0xff : byte)),
      ),
    () => writeFileSync(first, Buffer.concat([Buffer.alloc(good.length / 2), Buffer.alloc(good.length / 2)])),
  ]
  for (const spoil of damage) {
    spoil()
    expect(run(files)).toBe('here\n')
    expect(readFileSync(first).length).toBe(good.length)
  }
  // Of another program nothing is used.
  expect(run({ 'main.cjs': 'console.log("then")' })).toBe('then\n')
  expect(kept()).toHaveLength(2)
})
