export interface Launch {
  /** The program, a script in ASCII whose value is the function that starts it, beside the launcher. */
  file: string
  /** Of that script, so that nothing is taken for compiled of it that was compiled of another one. */
  id: string
  /** Where what V8 has compiled is kept, beside the launcher or at an absolute path; null for nowhere. */
  cacheFolder: string | null
}

/**
 * Starts the program with what V8 had compiled of it in an earlier run, and keeps it at the end of a run that had
 * nothing of it. Node.js itself (module.enableCompileCache) would keep no more than the outermost functions. Its own
 * text is the launcher, after one line that ends an older Node.js, so it uses nothing from outside.
 *
 * @param require of the launcher's file, as all that follows
 */
export function launch(
  { file, id, cacheFolder }: Launch,
  require: NodeJS.Require,
  module: NodeJS.Module,
  folder: string,
): void {
  const { readFileSync, renameSync, writeFileSync } = require('node:fs') as typeof import('node:fs')
  const { join, resolve } = require('node:path') as typeof import('node:path')
  const { Script } = require('node:vm') as typeof import('node:vm')

  const path = join(folder, file)
  const cache =
    cacheFolder === null ? null : resolve(folder, cacheFolder, `${id}-node-${process.versions.node}`)
  const cachedData = cache === null ? undefined : readIfThere(cache)
  const script = new Script(readFileSync(path, 'latin1'), {
    filename: path,
    ...(cachedData !== undefined && { cachedData }),
  })
  // Under other flags V8 refuses what is there, and would refuse without them what is kept.
  const isPlain = process.execArgv.length === 0 && process.env.NODE_OPTIONS === undefined
  if (cache !== null && isPlain && (cachedData === undefined || script.cachedDataRejected === true))
    process.once('exit', () => keep(cache))
  script.runInThisContext()(module.exports, require, module, path, folder)

  function readIfThere(from: string): Buffer | undefined {
    try {
      return readFileSync(from)
    } catch {
      return undefined
    }
  }

  function keep(into: string): void {
    const draft = `${into}.${process.pid}`
    try {
      // Flushed: V8 believes what it is given.
      writeFileSync(draft, script.createCachedData(), { flag: 'wx', mode: 0o644, flush: true })
      renameSync(draft, into)
    } catch {
      // Where it cannot be kept the next run starts as slowly as this one.
    }
  }
}
