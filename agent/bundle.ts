/**
 * Builds dist/: everything that a host needs to run rs-agent, without node_modules. The program is bundled,
 * because resolving and loading its modules one by one costs more than running it.
 */
import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'rolldown'
import { writeManual } from './manual/write.ts'
import { netlinkAddonOfProgram } from './packaging/netlink-addon.ts'

const LAUNCHER = `#!/usr/bin/env node
import module from 'node:module'
if (Number.parseInt(process.versions.node, 10) < 24) {
  process.stderr.write(\`error: rs-agent needs Node.js 24 or later, this is \${process.versions.node}\\n\`)
  process.exit(69)
}
// Beside the program, not in the shared /tmp: what is cached there is run as root.
module.enableCompileCache(new URL('./compile-cache', import.meta.url).pathname)
await import('./main.js')
`

rmSync('dist', { recursive: true, force: true })
await build({
  input: { main: 'agent/main.ts' },
  platform: 'node',
  plugins: [netlinkAddonOfProgram],
  output: {
    dir: 'dist',
    format: 'esm',
    minify: true,
    chunkFileNames: '[name].js',
    // One file for all that every command needs: each file more costs start-up.
    codeSplitting: { groups: [{ name: 'start', tags: ['$initial'] }] },
    comments: { legal: true },
  },
  logLevel: 'warn',
})
writeFileSync('dist/package.json', '{ "type": "module" }\n')
writeFileSync('dist/rs-agent.js', LAUNCHER)
chmodSync('dist/rs-agent.js', 0o755)
copyFileSync('native/addon/rs-agent.node', 'dist/rs-agent.node')
// It comes with its symbols, which nobody has a use for.
const netlinkAddon = `node_modules/netlink/prebuilds/linux-${process.arch}/node.napi.node`
execFileSync('strip', ['--strip-unneeded', '-o', 'dist/netlink.node', netlinkAddon])
cpSync('templates', 'dist/templates', { recursive: true, filter: from => from !== 'templates/debian' })
writeManual('dist')
// Whatever the umask: what others may write is refused when it is read.
execFileSync('chmod', ['-R', 'go-w', 'dist'])
warmCompileCache()

/** One real run, so that the first one of a user starts as fast as the others. */
function warmCompileCache(): void {
  const root = mkdtempSync(join(tmpdir(), 'rs-agent-build-'))
  try {
    mkdirSync(join(root, 'etc/rs-agent'), { recursive: true, mode: 0o700 })
    writeFileSync(
      join(root, 'etc/rs-agent/config.yaml'),
      'realServer: { vips: [{ address: 203.0.113.1 }] }\n',
      { mode: 0o600 },
    )
    execFileSync(process.execPath, ['dist/rs-agent.js', '--root', root, 'verify', '--help'], {
      stdio: 'ignore',
    })
    try {
      execFileSync(process.execPath, ['dist/rs-agent.js', '--root', root, 'plan'], { stdio: 'ignore' })
    } catch (error) {
      // 2: changes pending, as they must be.
      if ((error as { status?: number }).status !== 2) throw error
    }
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}
