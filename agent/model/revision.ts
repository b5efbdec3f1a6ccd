import { createHash } from 'node:crypto'

/** What a text is called by where it would be too long to compare: 12 hexadecimal digits of its SHA-256. */
export function revisionOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, DIGITS)
}

const DIGITS = 12
