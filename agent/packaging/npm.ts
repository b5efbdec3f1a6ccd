import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import {
  ADDONS,
  addonFile,
  examples,
  inFolder,
  launcherOf,
  ownFiles,
  PROGRAM_FILE,
  type Program,
} from './program.ts'
import type { Manifest } from './release.ts'

/**
 * Makes the npm packages in the folder by the convention of napi-rs, and returns their paths: one with the program,
 * which names those of all platforms as optional, and the one of this platform with its addons. So npm installs what
 * fits, and nothing is compiled or downloaded by a script.
 */
export function makeNpmPackages(
  into: string,
  program: Program,
  { manifest, licences }: { manifest: Manifest; licences: string },
): string[] {
  return [
    pack(into, manifestOfProgram(manifest), tree => {
      // A folder of packages may belong to anybody: nothing is cached there.
      const launcher = `#!/usr/bin/env node\n${launcherOf({ cacheFolder: null })}`
      writeFileSync(join(tree, 'rs-agent.js'), launcher, { mode: 0o755 })
      writeFileSync(join(tree, PROGRAM_FILE), program.code)
      for (const name of [...ownFiles(), ...examples()]) copyInto(tree, `dist/${name}`, name)
      copyFileSync('README.md', join(tree, 'README.md'))
      addLicences(tree, licences)
    }),
    pack(into, manifestOfAddons(manifest), tree => {
      for (const name of ADDONS) copyFileSync(addonFile(name), join(tree, name))
      addLicences(tree, licences)
    }),
  ]
}

function manifestOfProgram({ version, description, license, engines }: Manifest): object {
  const platforms = ['x64', 'arm64'].map(arch => [platformPackage(arch), version])
  return {
    name: 'rs-agent',
    version,
    description,
    license,
    engines,
    os: ['linux'],
    bin: { 'rs-agent': 'rs-agent.js' },
    optionalDependencies: Object.fromEntries(platforms),
  }
}

function manifestOfAddons({ version, license, engines }: Manifest): object {
  return {
    name: platformPackage(process.arch),
    version,
    description: `Addons of rs-agent for Linux on ${process.arch} with glibc`,
    license,
    engines,
    os: ['linux'],
    cpu: [process.arch],
    libc: ['glibc'],
  }
}

function copyInto(tree: string, from: string, name: string): void {
  const path = join(tree, name)
  mkdirSync(dirname(path), { recursive: true })
  copyFileSync(from, path)
}

function addLicences(tree: string, licences: string): void {
  copyFileSync('LICENSE', join(tree, 'LICENSE'))
  writeFileSync(join(tree, 'THIRD-PARTY.txt'), licences)
}

/** The program looks for it: agent/host/own-files.ts. */
function platformPackage(arch: string): string {
  return `@rs-agent/linux-${arch}-gnu`
}

function pack(into: string, manifest: object, fill: (tree: string) => void): string {
  return inFolder(tree => {
    fill(tree)
    writeFileSync(join(tree, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
    execFileSync('chmod', ['-R', 'u=rwX,go=rX', tree])
    // It writes files in the order of their names, with one owner and one time.
    const told = execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', into], {
      cwd: tree,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    return join(into, JSON.parse(told)[0].filename)
  })
}
