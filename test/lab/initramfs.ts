import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { filesToLoad, type Kernel } from './kernel.ts'

/**
 * Writes `initramfs` into the folder: what the kernel unpacks into memory before it starts its first process,
 * which is init.c with the modules that it loads.
 */
export function buildInitramfs(kernel: Kernel, folder: string): void {
  const modules = filesToLoad(kernel, ['virtio_pci', '9pnet_virtio', '9p', 'overlay'])
  const init = join(folder, 'init')
  // Static: there is no library beside it.
  execFileSync('cc', ['-static', '-Os', '-Wall', '-Werror', '-o', init, initSource])
  const files = archive([
    ...['root', 'memory', 'outside', 'modules'].map(name => ({ name, mode: 0o40755, content: Buffer.of() })),
    { name: 'init', mode: 0o100755, content: readFileSync(init) },
    ...modules.map((path, index) => ({
      name: `modules/${String(index).padStart(3, '0')}`,
      mode: 0o100644,
      content: readFileSync(path),
    })),
  ])
  writeFileSync(join(folder, 'initramfs'), files)
}

const initSource = fileURLToPath(new URL('./init.c', import.meta.url))

interface Entry {
  name: string
  mode: number
  content: Buffer
}

/** cpio, "newc": Documentation/driver-api/early-userspace/buffer-format.rst. */
function archive(entries: readonly Entry[]): Buffer {
  const end = { name: 'TRAILER!!!', mode: 0, content: Buffer.of() }
  return Buffer.concat(
    [...entries, end].flatMap(({ name, mode, content }, index) => {
      const inode = index + 1
      const links = 1
      const nameSize = name.length + 1
      const numbers = [inode, mode, 0, 0, links, 0, content.length, 0, 0, 0, 0, nameSize, 0]
      const header = `070701${numbers.map(number => number.toString(16).padStart(8, '0')).join('')}${name}\0`
      return [padded(Buffer.from(header)), padded(content)]
    }),
  )
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)])
}
