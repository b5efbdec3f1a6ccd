import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { compileProgram } from './code-cache.ts'
import { inFolder } from './program.ts'

/** What Node.js looks for in itself: doc/api/single-executable-applications.md. */
const RESOURCE = 'NODE_SEA_BLOB'
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2'

export interface Contents {
  /** Of a program: see program.ts. */
  code: string
  /** Paths, by the names that the program knows them by. */
  assets: Readonly<Record<string, string>>
}

/** Writes one file that holds the runtime, the program, and all that comes with it. */
export function makeSingleExecutable(file: string, contents: Contents): void {
  inFolder(folder => {
    prepareBlob(folder, contents)
    // Before anything is put in: strip would take it for what is of no use.
    stripRuntime(file)
    inject(file, join(folder, 'blob'))
  })
}

/** The runtime without its symbols: 18 MB less. */
export function stripRuntime(file: string): void {
  execFileSync('strip', ['-o', file, process.execPath])
}

function prepareBlob(folder: string, { code, assets }: Contents): void {
  writeFileSync(join(folder, 'program.cjs'), code)
  writeFileSync(join(folder, 'program.cache'), compileProgram(code))
  const settings = {
    main: 'agent/packaging/start.cjs',
    output: join(folder, 'blob'),
    disableExperimentalSEAWarning: true,
    // NODE_OPTIONS is for other programs.
    execArgvExtension: 'none',
    assets: {
      ...assets,
      'program.cjs': join(folder, 'program.cjs'),
      'program.cache': join(folder, 'program.cache'),
    },
  }
  writeFileSync(join(folder, 'settings.json'), JSON.stringify(settings))
  execFileSync(process.execPath, ['--experimental-sea-config', join(folder, 'settings.json')], {
    stdio: 'pipe',
  })
}

/** Not in this process: what it says of the names of sections is of no use to anybody. */
function inject(file: string, blob: string): void {
  const postject = 'node_modules/postject/dist/cli.js'
  execFileSync(process.execPath, [postject, file, RESOURCE, blob, '--sentinel-fuse', FUSE], { stdio: 'pipe' })
}
