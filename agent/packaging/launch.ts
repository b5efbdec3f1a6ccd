export interface Launch {
  /** The program, beside the launcher: see program.ts. */
  file: string
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
  { file, cacheFolder }: Launch,
  require: NodeJS.Require,
  module: NodeJS.Module,
  folder: string,
): void {
  const { readFileSync, renameSync, rmSync, statSync, writeFileSync } =
    require('node:fs') as typeof import('node:fs')
  const { join, resolve } = require('node:path') as typeof import('node:path')
  const { Script } = require('node:vm') as typeof import('node:vm')

  const path = join(folder, file)
  const code = readFileSync(path, 'latin1')
  // Of the text that is run, whatever the launcher came with: V8 itself would compare no more than the lengths.
  const id = /^\/\*(\w+)\*\//.exec(code)?.[1]
  const cache =
    cacheFolder === null || id === undefined
      ? null
      : resolve(folder, cacheFolder, `${id}-node-${process.versions.node}`)
  const cachedData = cache === null ? undefined : readWhole(cache)
  const script = new Script(code, { filename: path, ...(cachedData !== undefined && { cachedData }) })
  // Under some flags V8 refuses what is there, and would refuse without them what is kept.
  const isPlain = process.execArgv.length === 0 && process.env.NODE_OPTIONS === undefined
  if (cache !== null && isPlain && (cachedData === undefined || script.cachedDataRejected === true))
    process.once('exit', () => keep(cache))
  script.runInThisContext()(module.exports, require, module, path, folder)

  /** It is there twice: V8 believes what it is given, and dies of what is damaged. No sum is computed as fast. */
  function readWhole(from: string): Buffer | undefined {
    try {
      // It is run: of somebody else, or where others may write, it is none of ours.
      const { uid, mode } = statSync(from)
      if ((uid !== 0 && uid !== process.geteuid?.()) || (mode & 0o022) !== 0) return undefined
      const twice = readFileSync(from)
      const [one, other] = [twice.subarray(0, twice.length / 2), twice.subarray(twice.length / 2)]
      return one.equals(other) ? one : undefined
    } catch {
      return undefined
    }
  }

  function keep(into: string): void {
    const draft = `${into}.${process.pid}`
    try {
      const compiled = script.createCachedData()
      writeFileSync(draft, Buffer.concat([compiled, compiled]), { flag: 'wx', mode: 0o644, flush: true })
      renameSync(draft, into)
    } catch {
      // Where it cannot be kept the next run starts as slowly as this one. On a full disk a part of it may be there.
      rmSync(draft, { force: true })
    }
  }
}
