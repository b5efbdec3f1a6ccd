import { AgentError } from '../errors.ts'
import type { Files } from '../host/files.ts'
import { type IpAddress, parseIpAddress } from '../model/address.ts'
import { STATE_FOLDER } from '../reconcile/journal.ts'

const DRAINED = `${STATE_FOLDER}/director-drained.json`

/**
 * Addresses of the real servers that were taken out of rotation by hand. Throws where the file is damaged: nobody
 * shall come back into rotation by that.
 */
export function readDrained(files: Files): Set<IpAddress> {
  const text = files.readText(DRAINED)
  if (text === null) return new Set()
  const drained = parseDrained(text)
  if (drained !== null) return drained
  throw new AgentError(
    'failed',
    `/${DRAINED} is damaged: who is drained is not known`,
    `remove it, then drain anew who shall be out of rotation: \`rs-agent director drain RIP\``,
  )
}

export function writeDrained(files: Files, drained: ReadonlySet<IpAddress>): void {
  const content = `${JSON.stringify({ addresses: [...drained] })}\n`
  const owner = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 }
  if (drained.size === 0) forgetDrained(files)
  else files.write(DRAINED, { content, mode: 0o600, ...owner })
}

export function forgetDrained(files: Files): void {
  files.remove(DRAINED)
}

function parseDrained(text: string): Set<IpAddress> | null {
  let found: unknown
  try {
    found = JSON.parse(text)
  } catch {
    return null
  }
  const { addresses } = (found ?? {}) as { addresses?: unknown }
  if (!Array.isArray(addresses)) return null
  const parsed = addresses.map(address => parseIpAddress(String(address)))
  return parsed.includes(null) ? null : new Set(parsed.filter(address => address !== null))
}
