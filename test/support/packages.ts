import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { PROGRAM_FILE, withId } from '../../agent/packaging/program.ts'

/** Makes all packages in the folder, as `npm run package` does, of what was built. */
export async function makePackages(into: string): Promise<void> {
  // Not the time of the last commit: there may be another one between two builds.
  const env = { SOURCE_DATE_EPOCH: '1700000000' }
  await execa(process.execPath, ['agent/packaging/package.ts', into], { cwd: TOP, env })
}

/** The same package as of a later version, in the same folder: with another program, as long, and another unit. */
export function makeUpgrade(debianPackage: string, version: string): string {
  const tree = mkdtempSync(join(tmpdir(), 'rs-agent-upgrade-'))
  const upgrade = debianPackage.replace(/_[^_]*_/, `_${version}_`)
  try {
    execFileSync('dpkg-deb', ['--raw-extract', debianPackage, tree])
    const control = readFileSync(join(tree, 'DEBIAN/control'), 'utf8')
    writeFileSync(join(tree, 'DEBIAN/control'), control.replace(/^Version: .*$/m, `Version: ${version}`))
    const program = join(tree, 'usr/lib/rs-agent', PROGRAM_FILE)
    const code = readFileSync(program, 'latin1').replace(/^\/\*\w+\*\//, '')
    writeFileSync(program, withId(code.replaceAll('`0.1.0`', '`0.1.1`')))
    appendFileSync(join(tree, 'usr/lib/rs-agent/templates/systemd/rs-agent.service'), '# of the upgrade\n')
    execFileSync('dpkg-deb', ['--root-owner-group', '-Zgzip', '-z1', '--build', tree, upgrade])
    return upgrade
  } finally {
    execFileSync('rm', ['-r', tree])
  }
}

/** The folder of the sources. */
export const TOP = fileURLToPath(new URL('../..', import.meta.url))
