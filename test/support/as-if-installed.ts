import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import type { Tools } from './unpacked-tools.ts'

/** Runs a program of Debian's that is unpacked, with its files where it looks for them. Does not reject. */
export function runAsIfInstalled(
  tools: Tools,
  command: readonly string[],
  options: { input?: string; env?: Record<string, string> } = {},
) {
  return execa('sh', [program, tools, ...command], { input: '', ...options, reject: false, all: true })
}

const program = fileURLToPath(new URL('./as-if-installed.sh', import.meta.url))
