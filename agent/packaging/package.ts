/**
 * Makes all packages in dist/packages, or in the folder that is named, of what `npm run build` has made:
 *   a single executable, two Debian packages (with and without a runtime), two npm packages.
 * Made twice they are the same, byte for byte.
 * usage: node agent/packaging/package.ts [FOLDER]
 */
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { makeDebianPackage } from './debian.ts'
import { agentPackage, runtimePackage } from './debian-contents.ts'
import { makeNpmPackages } from './npm.ts'
import { ADDONS, addonFile, bundleProgram, ownFiles } from './program.ts'
import { readManifest, timeOfRelease } from './release.ts'
import { makeSingleExecutable, stripRuntime } from './single-executable.ts'
import { listWorks, npmWorks, referToCommonLicences, runtimeWork, rustWorks } from './third-party.ts'

const into = resolve(process.argv[2] ?? 'dist/packages')
process.umask(0o022)
rmSync(into, { recursive: true, force: true })
mkdirSync(into, { recursive: true })

const manifest = readManifest()
const program = await bundleProgram()
const ours = readFileSync('LICENSE', 'utf8')
const works = [...npmWorks(program.packageFolders), ...rustWorks()]

const executable = join(into, `rs-agent-linux-${process.arch}`)
const allLicences = join(into, 'THIRD-PARTY.txt')
writeFileSync(allLicences, withOurs(listWorks([...works, runtimeWork()])))
makeSingleExecutable(executable, {
  code: program.code,
  assets: Object.fromEntries([
    ...ADDONS.map(name => [name, addonFile(name)]),
    ...ownFiles().map(name => [name, `dist/${name}`]),
    ['THIRD-PARTY.txt', allLicences],
  ]),
})

const runtime = join(into, 'node')
stripRuntime(runtime)
const { version } = manifest
const madeAt = timeOfRelease()
const copyrights = {
  program: withOurs(listWorks(referToCommonLicences(works))),
  runtime: listWorks([runtimeWork()]),
}
const debian = [
  agentPackage(program, { version, madeAt, copyright: copyrights.program }),
  // Of each release another one: what is in it may be the same, the package is not.
  runtimePackage(runtime, {
    version: `${process.versions.node}+rs${version}`,
    madeAt,
    copyright: copyrights.runtime,
  }),
].map(debianPackage => makeDebianPackage(into, debianPackage))
rmSync(runtime)

const npm = makeNpmPackages(into, program, { manifest, licences: listWorks(works) })
for (const file of [executable, ...debian, ...npm]) process.stdout.write(`${described(file)}\n`)

function withOurs(licences: string): string {
  return `rs-agent ${manifest.version}\n\n${ours}\nIn it are works of others, under their own licences:\n\n${licences}`
}

function described(file: string): string {
  const sha256 = createHash('sha256').update(readFileSync(file)).digest('hex')
  return `${sha256}  ${(statSync(file).size / 1e6).toFixed(2)} MB  ${basename(file)}`
}
