import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { OutputName } from './guest.ts'

/** A shared folder tells nobody when a guest writes: it is looked at. */
const LOOK_EVERY_MS = 100

/** Gives on what the files `stdout` and `stderr` of a folder grow by, until `ended` settles; settles as that does. */
export async function follow(
  folder: string,
  onOutput: (name: OutputName, chunk: Buffer) => void,
  ended: Promise<void>,
): Promise<void> {
  const told = { stdout: 0, stderr: 0 }
  const tell = () => {
    for (const name of ['stdout', 'stderr'] as const) {
      const file = join(folder, name)
      const chunk = existsSync(file) ? readFileSync(file).subarray(told[name]) : Buffer.of()
      told[name] += chunk.length
      if (chunk.length > 0) onOutput(name, chunk)
    }
  }
  let isOver = false
  const over = ended.finally(() => {
    isOver = true
  })
  // Whoever awaits it hears of it: below.
  over.catch(() => {})
  while (!isOver) {
    tell()
    await Promise.race([over.catch(() => {}), sleep(LOOK_EVERY_MS)])
  }
  tell()
  await over
}
