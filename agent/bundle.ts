/**
 * Builds dist/: everything that a host needs to run rs-agent, without node_modules. The program is bundled,
 * because resolving and loading its modules one by one costs more than running it.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeManual } from './manual/write.ts'
import { putConfig } from './packaging/code-cache.ts'
import { bundleProgram, launcherOf, PROGRAM_FILE } from './packaging/program.ts'

rmSync('dist', { recursive: true, force: true })
mkdirSync('dist')
const program = await bundleProgram()
writeFileSync(join('dist', PROGRAM_FILE), program.code)
writeFileSync('dist/package.json', '{ "type": "commonjs" }\n')
// Beside the program, not in the shared /tmp: what is cached there is run as root.
mkdirSync('dist/compiled')
const launcher = launcherOf({ cacheFolder: './compiled' })
writeFileSync('dist/rs-agent.js', `#!/usr/bin/env node\n${launcher}`, { mode: 0o755 })
copyFileSync('native/addon/rs-agent.node', 'dist/rs-agent.node')
// It comes with its symbols, which nobody has a use for.
const netlinkAddon = `node_modules/netlink/prebuilds/linux-${process.arch}/node.napi.node`
execFileSync('strip', ['--strip-unneeded', '-o', 'dist/netlink.node', netlinkAddon])
cpSync('templates', 'dist/templates', { recursive: true, filter: from => from !== 'templates/debian' })
writeManual('dist')
// Whatever the umask: what others may write is refused when it is read.
execFileSync('chmod', ['-R', 'go-w', 'dist'])
runOnce()

/** So that the first run of a user starts as fast as the others. Where it cannot, that run is the first. */
function runOnce(): void {
  const root = mkdtempSync(join(tmpdir(), 'rs-agent-build-'))
  try {
    putConfig(root)
    const { status, stderr } = spawnSync(process.execPath, ['dist/rs-agent.js', '--root', root, 'plan'], {
      encoding: 'utf8',
      env: { PATH: process.env.PATH },
    })
    // 2: changes pending, as they must be.
    if (status !== 2) process.stderr.write(`the first run, which makes the others start faster: ${stderr}\n`)
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}
