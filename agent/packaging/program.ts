import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'rolldown'
import { netlinkAddonOfProgram } from './netlink-addon.ts'
import { filesBelow } from './release.ts'

/** The program in one file. */
export interface Program {
  code: string
  /** Of the npm packages of which something is in it, sorted. */
  packageFolders: readonly string[]
}

/**
 * Bundles rs-agent, and all that it imports when a command is called, into one CommonJS file: a single executable
 * runs nothing else, and a service whose package is upgraded would load later parts from a version that it is not.
 */
export async function bundleProgram(): Promise<Program> {
  const { output } = await build({
    input: { main: 'agent/main.ts' },
    platform: 'node',
    plugins: [netlinkAddonOfProgram],
    output: {
      format: 'cjs',
      minify: true,
      codeSplitting: false,
      // A single executable knows no import().
      dynamicImportInCjs: false,
      comments: { legal: true },
    },
    write: false,
    logLevel: 'warn',
  })
  const [chunk, ...others] = output
  if (others.length > 0) throw new Error(`the program is in ${output.length} files, not in one`)
  const folders = chunk.moduleIds.flatMap(
    id => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(id)?.[0] ?? [],
  )
  return { code: chunk.code, packageFolders: [...new Set(folders)].sort() }
}

/** Starts the program with a cache of what V8 has compiled, in a folder that root alone may write. */
export function launcherOf({ compileCache }: { compileCache: string | null }): string {
  const cache =
    compileCache === null
      ? ''
      : `require('node:module').enableCompileCache(${JSON.stringify(compileCache)})\n`
  return `if (Number.parseInt(process.versions.node, 10) < 24) {
  process.stderr.write(\`error: rs-agent needs Node.js 24 or later, this is \${process.versions.node}\\n\`)
  process.exit(69)
}
${cache}require('./${PROGRAM_FILE}')
`
}

export const PROGRAM_FILE = 'rs-agent-main.cjs'
/** As the build has put them into dist/. */
export const ADDONS = ['netlink.node', 'rs-agent.node'] as const

export function addonFile(name: (typeof ADDONS)[number]): string {
  return `dist/${name}`
}

/** What else comes with the program, by the names that it knows them by: those in dist/. */
export function ownFiles(): string[] {
  return ['templates', 'completions'].flatMap(folder =>
    filesBelow(`dist/${folder}`).map(name => `${folder}/${name}`),
  )
}

/** Gives a folder for the time of the work. */
export function inFolder<T>(work: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'rs-agent-package-'))
  try {
    return work(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
