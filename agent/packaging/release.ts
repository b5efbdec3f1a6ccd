import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Names of all files below a folder, sorted; none where it is not there. */
export function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return []
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return names.filter(name => statSync(join(folder, name)).isFile()).sort()
}

/** The time of all that is made, in seconds since 1970: SOURCE_DATE_EPOCH, else that of the last commit. */
export function timeOfRelease(): number {
  const told = process.env.SOURCE_DATE_EPOCH
  const seconds = Number(told ?? execFileSync('git', ['log', '-1', '--format=%ct'], { encoding: 'utf8' }))
  if (Number.isSafeInteger(seconds) && seconds > 0) return seconds
  throw new Error(`SOURCE_DATE_EPOCH is ${told}, not a number of seconds`)
}

export interface Manifest {
  version: string
  description: string
  license: string
  engines: { node: string }
  optionalDependencies: Record<string, string>
}

export function readManifest(): Manifest {
  const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest
  const wanted = manifest.optionalDependencies[`node-linux-${process.arch}`]
  // It is packed as it runs here.
  if (process.versions.node !== wanted)
    throw new Error(
      `this is Node.js ${process.versions.node}, not ${wanted}: npm run package takes the right one`,
    )
  return manifest
}
