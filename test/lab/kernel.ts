import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The ends of the range that the lab can boot: fetch-kernels.sh says where they come from. */
export type KernelName = 'oldest' | 'newest'

/** `npm test` boots one of them, `npm run test:lab` and `npm run test:kernels` both. */
export const KERNELS_UNDER_TEST: readonly KernelName[] =
  process.env.RS_AGENT_KERNELS === 'both' ? ['oldest', 'newest'] : ['newest']

export interface Kernel {
  /** As `uname -r` prints it. */
  release: string
  /** An ELF file. */
  vmlinux: string
  /** What belongs to /lib/modules/<release>. */
  modules: string
}

export function findKernel(name: KernelName): Kernel {
  const folder = join(cache, name)
  try {
    const release = readFileSync(join(folder, 'release'), 'utf8').trim()
    return { release, vmlinux: join(folder, 'vmlinux'), modules: join(folder, 'modules') }
  } catch (cause) {
    throw new Error(`the ${name} kernel of the lab is not there: sh test/lab/fetch-kernels.sh`, { cause })
  }
}

/** The files of the modules and of all they need, in the order in which they load; built-in ones are left out. */
export function filesToLoad(kernel: Kernel, names: readonly string[]): string[] {
  const dependencies = new Map<string, string[]>()
  for (const line of readFileSync(join(kernel.modules, 'modules.dep'), 'utf8').trim().split('\n')) {
    const [file = '', needed = ''] = line.split(':')
    dependencies.set(file, needed.split(' ').filter(Boolean))
  }
  const ordered = new Set<string>()
  const visit = (file: string) => {
    for (const needed of dependencies.get(file) ?? []) visit(needed)
    ordered.add(file)
  }
  for (const file of names.map(name => `kernel/${name}.ko`)) if (dependencies.has(file)) visit(file)
  return [...ordered].map(file => join(kernel.modules, file))
}

const cache = fileURLToPath(new URL('../../node_modules/.cache/rs-agent-lab', import.meta.url))
