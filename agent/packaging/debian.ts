import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import Mustache from 'mustache'
import { inFolder } from './program.ts'

/** A file of a package. Scripts and programs are 0755, all else 0644, and root's. */
export type PackedFile =
  | { path: string; content: string | Uint8Array; executable?: true }
  | { path: string; leadsTo: string }

export interface DebianPackage {
  name: 'rs-agent' | 'rs-agent-runtime'
  version: string
  /** Of everything in it, and of the package itself, in seconds since 1970. */
  madeAt: number
  files: readonly PackedFile[]
  /** Files of the administrator, absolute. */
  conffiles: readonly string[]
  /** For xz: 6 is its own choice. */
  compression: number
}

/** As Debian names the architectures that Node.js names. */
export function debianArchitecture(arch: string = process.arch): string {
  const name = { x64: 'amd64', arm64: 'arm64' }[arch]
  if (name === undefined) throw new Error(`no package is made for ${arch}`)
  return name
}

/** Makes it in the folder, and returns the path. Needs dpkg-deb alone. */
export function makeDebianPackage(into: string, debianPackage: DebianPackage): string {
  const { name, version, madeAt, compression } = debianPackage
  const file = join(into, `${name}_${version}_${debianArchitecture()}.deb`)
  return inFolder(tree => {
    layOut(tree, debianPackage)
    const how = ['--root-owner-group', '-Zxz', `-z${compression}`, '--threads-max=1']
    execFileSync('dpkg-deb', [...how, '--build', tree, file], {
      stdio: ['ignore', 'ignore', 'inherit'],
      // What is younger is as old as this.
      env: { ...process.env, SOURCE_DATE_EPOCH: String(madeAt) },
    })
    return file
  })
}

function layOut(tree: string, { name, version, files, conffiles }: DebianPackage): void {
  for (const file of files) put(tree, file)
  const own = `templates/debian/${name}`
  const kilobytes = Math.ceil(files.reduce((sum, file) => sum + sizeOf(tree, file), 0) / 1024)
  const control = Mustache.render(
    readFileSync(join(own, 'control'), 'utf8'),
    { version, architecture: debianArchitecture(), installedSize: kilobytes, maintainer: MAINTAINER },
    undefined,
    { escape: text => String(text) },
  )
  put(tree, { path: 'DEBIAN/control', content: control })
  if (conffiles.length > 0) put(tree, { path: 'DEBIAN/conffiles', content: `${conffiles.join('\n')}\n` })
  put(tree, { path: 'DEBIAN/md5sums', content: md5sumsOf(tree, files, conffiles) })
  for (const script of readdirSync(own).filter(script => SCRIPTS.includes(script)))
    put(tree, { path: `DEBIAN/${script}`, content: readFileSync(join(own, script)), executable: true })
  // Whatever the umask.
  execFileSync('chmod', ['-R', 'u=rwX,go=rX', tree])
}

/** Of the packages, not of the program: whoever publishes them puts an address here. */
export const MAINTAINER = 'The rs-agent authors <rs-agent@example.org>'
const SCRIPTS = ['preinst', 'postinst', 'prerm', 'postrm']

function put(tree: string, file: PackedFile): void {
  const path = join(tree, file.path)
  mkdirSync(dirname(path), { recursive: true })
  if ('leadsTo' in file) symlinkSync(file.leadsTo, path)
  else writeFileSync(path, file.content, { mode: file.executable === true ? 0o755 : 0o644 })
}

function sizeOf(tree: string, file: PackedFile): number {
  return 'leadsTo' in file ? 0 : statSync(join(tree, file.path)).size
}

function md5sumsOf(tree: string, files: readonly PackedFile[], conffiles: readonly string[]): string {
  const paths = files.flatMap(file =>
    'leadsTo' in file || conffiles.includes(`/${file.path}`) ? [] : [file.path],
  )
  return execFileSync('md5sum', paths.sort(), { cwd: tree, encoding: 'utf8' })
}
