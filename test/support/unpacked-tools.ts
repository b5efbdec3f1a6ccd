import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const CACHE = fileURLToPath(new URL('../../node_modules/.cache/rs-agent-lab', import.meta.url))
const TRIPLET = `${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`
const LIBRARIES = [`usr/lib/${TRIPLET}`, `lib/${TRIPLET}`, `usr/lib/${TRIPLET}/pulseaudio`]

/** Debian's NFS, keepalived and ldirectord, nginx and what belongs to Apache beside its program, promtool, Chromium, ... */
export type Tools =
  | 'nfs'
  | 'peers'
  | 'web'
  /** Without their programs: a clock of one's own. */
  | 'clock'
  | 'prometheus'
  | 'browser'
  /** ... zsh and fish, mandoc, lintian, ansible-core, and cloud-init. */
  | 'shells'
  | 'manuals'
  | 'lintian'
  | 'ansible'
  | 'cloud-init'

/** Where programs find Debian's tools, which unpack-tools.sh has unpacked and nobody has installed. */
export function unpackedEnvironment(tools: Tools): Record<string, string> {
  const tree = unpackedFolder(tools)
  return {
    PATH: `${tree}/usr/sbin:${tree}/sbin:${process.env.PATH}`,
    LD_LIBRARY_PATH: LIBRARIES.map(folder => `${tree}/${folder}`).join(':'),
    PERL5LIB: [`${tree}/usr/share/perl5`, ...perlFolders(`${tree}/usr/lib/${TRIPLET}/perl5`)].join(':'),
  }
}

/** A library of theirs, for LD_PRELOAD. */
export function unpackedLibrary(tools: Tools, name: string): string {
  return join(unpackedFolder(tools), 'usr/lib', TRIPLET, name)
}

/** Their files, as they would lie under `/`. */
export function unpackedFolder(tools: Tools): string {
  const tree = `${CACHE}/${tools}`
  if (!existsSync(tree)) throw new Error(`the lab's ${tools} are not there: sh test/support/setup.sh tests`)
  return tree
}

/** Compiled modules lie in a folder that has the name of Perl's version. */
function perlFolders(parent: string): string[] {
  return existsSync(parent) ? readdirSync(parent).map(version => `${parent}/${version}`) : []
}
