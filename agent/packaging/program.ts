import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'rolldown'
import { type Launch, launch } from './launch.ts'
import { netlinkAddonOfProgram } from './netlink-addon.ts'
import { inOneFile } from './one-file.ts'
import { filesBelow } from './release.ts'

/** The program in one file. */
export interface Program {
  /** A script in ASCII whose value is the function that starts it. It begins with a comment: a hash of all the rest. */
  code: string
  /** Of the npm packages of which something is in it, sorted. */
  packageFolders: readonly string[]
}

/** Bundles rs-agent, and all that it imports: to find and load its files one by one costs more than to run it. */
export async function bundleProgram(): Promise<Program> {
  const { output } = await build({
    input: { main: 'agent/main.ts' },
    platform: 'node',
    plugins: [netlinkAddonOfProgram],
    // No function is to be compiled before it is called: what most runs call is compiled already, see launch.ts.
    optimization: { pifeForModuleWrappers: false },
    output: {
      format: 'cjs',
      minify: true,
      // A script knows no import().
      dynamicImportInCjs: false,
      entryFileNames: '[name].cjs',
      chunkFileNames: '[name].cjs',
      // One part for all that every command needs.
      codeSplitting: { groups: [{ name: 'start', tags: ['$initial'] }] },
      comments: { legal: true },
    },
    write: false,
    logLevel: 'warn',
  })
  const parts = output.filter(file => file.type === 'chunk')
  const isInIt = (id: string) => isBuiltin(id) || parts.some(({ fileName }) => fileName === id)
  for (const id of parts.flatMap(({ imports, dynamicImports }) => [...imports, ...dynamicImports]))
    if (!isInIt(id)) throw new Error(`the program imports ${id}, which is not in it`)
  const folders = parts.flatMap(({ moduleIds }) =>
    moduleIds.flatMap(id => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(id)?.[0] ?? []),
  )
  return { code: withId(inOneFile(parts, 'main.cjs')), packageFolders: [...new Set(folders)].sort() }
}

/** A program with its hash: what was compiled of it is kept by that name. */
export function withId(code: string): string {
  return `/*${createHash('sha256').update(code).digest('hex').slice(0, 16)}*/${code}`
}

/** The text of what users start; `cacheFolder`: see launch.ts. Only root may be able to write there. */
export function launcherOf({ cacheFolder }: Pick<Launch, 'cacheFolder'>): string {
  const how = { file: PROGRAM_FILE, cacheFolder } satisfies Launch
  return `if (Number.parseInt(process.versions.node, 10) < 24) {
  process.stderr.write(\`error: rs-agent needs Node.js 24 or later, this is \${process.versions.node}\\n\`)
  process.exit(69)
}
;(${launch})(${JSON.stringify(how)}, require, module, __dirname)
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
  return ['templates', 'completions'].flatMap(namesBelow).filter(name => !name.startsWith(EXAMPLES))
}

/** What comes for people alone, likewise. */
export function examples(): string[] {
  return namesBelow(EXAMPLES)
}

export const EXAMPLES = 'templates/provisioning'

function namesBelow(folder: string): string[] {
  return filesBelow(join('dist', folder)).map(name => `${folder}/${name}`)
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
