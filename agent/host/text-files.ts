import { lookup } from 'node:dns/promises'
import { globSync, readFileSync, statSync } from 'node:fs'
import { basename, isAbsolute, join } from 'node:path'
import { type AddressFamily, type IpAddress, parseIpAddress } from '../model/address.ts'

/** Files of other programs and names of hosts, which are only read. */

/** No file of rules that a person looks after is larger. */
const MAX_BYTES = 16 * 1024 * 1024

/** The text of a file; throws what the system says, or why it is no text. */
export function readText(file: string): string {
  refuseEndless(file)
  return textOf(readFileSync(file))
}

/** All that comes on stdin, likewise. Whoever writes it may do so slowly, and to a pipe that does not block. */
export async function readStdin(): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of process.stdin) {
    chunks.push(chunk)
    length += chunk.length
    if (length > MAX_BYTES) break
  }
  return textOf(Buffer.concat(chunks))
}

function textOf(content: Buffer): string {
  if (content.length > MAX_BYTES) throw new Error(`it is larger than ${MAX_BYTES} bytes`)
  return new TextDecoder('utf-8', { fatal: true }).decode(content)
}

/** A device may never end; a pipe is as good as stdin. */
function refuseEndless(file: string): void {
  const found = statSync(file)
  if (!found.isFile() && !found.isFIFO()) throw new Error('it is neither a regular file nor a pipe')
  if (found.size > MAX_BYTES) throw new Error(`it is larger than ${MAX_BYTES} bytes`)
}

/** Null when there is none, or it cannot be read. */
export function readTextOrNull(file: string): string | null {
  try {
    return readText(file)
  } catch {
    return null
  }
}

/** Regular files that a pattern of the shell means, in order; those with a point in front need it in the pattern. */
export function matchFiles(pattern: string, folder: string): string[] {
  const showsHidden = basename(pattern).startsWith('.')
  return globSync(pattern, { cwd: folder })
    .filter(name => showsHidden || !basename(name).startsWith('.'))
    .sort()
    .map(name => (isAbsolute(name) ? name : join(folder, name)))
    .filter(name => statSync(name, { throwIfNoEntry: false })?.isFile() === true)
}

/** As this host resolves the name; null when nobody knows it. */
export async function resolveHost(name: string, family: AddressFamily): Promise<IpAddress | null> {
  try {
    return parseIpAddress((await lookup(name, { family })).address)
  } catch {
    return null
  }
}
