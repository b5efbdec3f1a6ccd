import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** A work of others that is in what we ship. */
export interface Work {
  name: string
  version: string
  /** As its own manifest has it: an SPDX expression. */
  licence: string
  /** Of its licence files. */
  texts: readonly string[]
}

/** The npm packages of which something is in the bundle, by their folders. */
export function npmWorks(folders: readonly string[]): Work[] {
  return folders.map(folder => {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    return { name, version, licence: license, texts: licenceTexts(folder, license) }
  })
}

/** The crates that are linked into the addon, and what Rust itself brings. */
export function rustWorks(): Work[] {
  const linked = cargo('tree', '--edges', 'normal,no-proc-macro', '--prefix', 'none', '--format', '{p}')
  const names = new Set(linked.split('\n').map(line => line.replace(/ \(.*/, '')))
  const { packages } = JSON.parse(cargo('metadata', '--format-version', '1')) as {
    packages: {
      name: string
      version: string
      license: string
      authors: string[]
      manifest_path: string
      source: string | null
    }[]
  }
  const works = packages
    .filter(({ name, version, source }) => source !== null && names.has(`${name} v${version}`))
    .map(({ name, version, license, authors, manifest_path }) => ({
      name: `crate ${name}`,
      version,
      licence: license,
      texts: textsOr(licenceTexts(dirname(manifest_path), license), license, authors),
    }))
  return [...works, rustItself()]
}

/** The runtime, with all that is in it. */
export function runtimeWork(): Work {
  const licence = join(dirname(process.execPath), '../LICENSE')
  return {
    name: 'Node.js',
    version: process.versions.node,
    licence: 'MIT, and those of what is in it',
    texts: [readFileSync(licence, 'utf8')],
  }
}

/** One text that names them all; the same text of several is there once. */
export function listWorks(works: readonly Work[]): string {
  const sorted = works.toSorted((one, other) => (titleOf(one) < titleOf(other) ? -1 : 1))
  const holders = Map.groupBy(
    sorted.flatMap(work => work.texts.map(text => ({ work, text: text.trim() }))),
    ({ text }) => text,
  )
  const bare = sorted.find(({ texts }) => texts.length === 0)
  if (bare !== undefined)
    throw new Error(
      `${titleOf(bare)} (${bare.licence}) comes without the text of its licence, which we must pass on`,
    )
  const list = sorted.map(work => `  ${titleOf(work)}: ${work.licence}`)
  const texts = [...holders].map(
    ([text, those]) => `${RULE}\n${those.map(({ work }) => titleOf(work)).join('\n')}\n\n${text}\n`,
  )
  return `${list.join('\n')}\n\n${texts.join('\n')}`
}

/** Debian has some licences on every host: there a text says where. */
export function referToCommonLicences(works: readonly Work[]): Work[] {
  return works.map(work => ({
    ...work,
    texts: work.texts.map(text =>
      APACHE.test(text) ? 'Apache License, Version 2.0: /usr/share/common-licenses/Apache-2.0' : text,
    ),
  }))
}

const APACHE = /^\s*Apache License\s+Version 2\.0, January 2004/
const RULE = '-'.repeat(78)

function titleOf({ name, version }: Pick<Work, 'name' | 'version'>): string {
  return `${name} ${version}`
}

/** Where several licences are offered, that of MIT is taken: the others' texts are left out. */
function licenceTexts(folder: string, licence: string): string[] {
  const files = readdirSync(folder).filter(name => /^(licen[cs]e|copying|notice|copyright)/i.test(name))
  const offersMit = /\bMIT\b/.test(licence) && / OR |\//.test(licence)
  const mit = files.filter(name => /mit/i.test(name))
  const taken = offersMit && mit.length > 0 ? mit : files
  return taken.sort().map(name => readFileSync(join(folder, name), 'utf8'))
}

function textsOr(texts: readonly string[], licence: string, authors: readonly string[]): readonly string[] {
  if (texts.length > 0 || !/\bMIT\b/.test(licence)) return texts
  return [mitBy(authors.length > 0 ? authors.join(', ') : 'its authors')]
}

function rustItself(): Work {
  const [, version = ''] =
    /^rustc (\S+)/.exec(execFileSync('rustc', ['--version'], { encoding: 'utf8' })) ?? []
  return {
    name: 'Rust standard library',
    version,
    licence: 'MIT OR Apache-2.0',
    // Not every toolchain is installed with it.
    texts: [mitBy('The Rust Project Contributors')],
  }
}

/** As the licence of MIT is filled in by its holders: for works that name it, and come without its text. */
function mitBy(holders: string): string {
  return `Copyright (c) ${holders}\n\n${MIT_PERMISSION}`
}

/** Of LICENSE-MIT as the Rust project has it: its lines are broken elsewhere than those of others. */
const MIT_PERMISSION = `Permission is hereby granted, free of charge, to any
person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the
Software without restriction, including without
limitation the rights to use, copy, modify, merge,
publish, distribute, sublicense, and/or sell copies of
the Software, and to permit persons to whom the Software
is furnished to do so, subject to the following
conditions:

The above copyright notice and this permission notice
shall be included in all copies or substantial portions
of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF
ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED
TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A
PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT
SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY
CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION
OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR
IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER
DEALINGS IN THE SOFTWARE.
`

function cargo(verb: string, ...args: string[]): string {
  return execFileSync(
    'cargo',
    [verb, '--quiet', '--locked', '--manifest-path', 'native/Cargo.toml', ...args],
    {
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
    },
  )
}
