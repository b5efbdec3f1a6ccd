import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ADDONS, addonFile, inFolder, ownFiles } from './program.ts'

/**
 * What V8 has compiled of the program after an `apply` with nothing to do, which is what most runs are, in a network
 * namespace of its own: the same each time, as nothing is left to chance, or to what this machine's network is like, or
 * to how far other threads have come (Sparkplug). Throws when the program fails.
 *
 * @param code a script whose value is the function that starts the program
 */
export function compileProgram(code: string): Buffer {
  return inFolder(folder => {
    const [program, cache, root] = [join(folder, 'program.cjs'), join(folder, 'cache'), join(folder, 'root')]
    writeFileSync(program, code)
    for (const name of ADDONS) copyFileSync(addonFile(name), join(folder, name))
    for (const name of ownFiles()) putInto(folder, name)
    putConfig(root)
    const flags = ['--hash-seed=1', '--random-seed=1', '--no-flush-bytecode', '--no-sparkplug']
    const words = [...flags, 'agent/packaging/compile.cjs', program, cache, '--root', root, 'apply', '--json']
    const unshare = ['--net', ...(process.geteuid?.() === 0 ? [] : ['--map-root-user'])]
    execFileSync('unshare', [...unshare, 'sh', '-euc', WITH_A_NIC, process.execPath, ...words], {
      stdio: 'pipe',
    })
    return readFileSync(cache)
  })
}

const WITH_A_NIC = `
ip link add name eth0 type veth peer name eth1
ip address add 203.0.113.2/24 dev eth0
ip link set eth0 up
ip link set lo up
"$0" "$@"
# Nothing is left to do now.
"$0" "$@"`

function putInto(folder: string, name: string): void {
  mkdirSync(join(folder, name, '..'), { recursive: true })
  copyFileSync(join('dist', name), join(folder, name))
}

/** Below the root, of a real server like most. */
export function putConfig(root: string): void {
  mkdirSync(join(root, 'etc/rs-agent'), { recursive: true, mode: 0o700 })
  const config = 'realServer: { vips: [{ address: 203.0.113.1 }] }\n'
  writeFileSync(join(root, 'etc/rs-agent/config.yaml'), config, { mode: 0o600 })
}
