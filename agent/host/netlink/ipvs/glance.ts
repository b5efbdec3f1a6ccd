import { readFileSync } from 'node:fs'
import { hasErrno } from '../../../errors.ts'
import { withoutIpvs } from '../../without-ipvs.ts'

/** Of the network namespace that the process runs in; its form is ip_vs_info_seq_show's of ip_vs_ctl.c. */
const TABLE = '/proc/net/ip_vs'
/** The version of IPVS, and the size of the connection table, which grows by itself; names of the columns. */
const HEADING_LINES = 3
/** Active and inactive connections, which end the line of a destination. */
const CONNECTION_COUNTS = /(-> \S+ +\S+ +\d+) +\d+ +\d+ *$/gm

/**
 * Reads the table in one file, instead of one dump for each service; the text is never parsed. The kernel writes a
 * service and its destinations in one go, and may change the table before the next. Where no connection came or went
 * since the last glance either, that is the answer again.
 */
export function glancer(): () => string {
  let last = { text: '', glance: '' }
  return () => {
    const text = readTable()
    if (text !== last.text) last = { text, glance: withoutCounts(text) }
    return last.glance
  }
}

function readTable(): string {
  try {
    // All of it is ASCII; of the encodings this one is read the fastest.
    return readFileSync(TABLE, 'utf8')
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) throw withoutIpvs()
    throw error
  }
}

function withoutCounts(text: string): string {
  let start = 0
  for (let line = 0; line < HEADING_LINES; line++) start = text.indexOf('\n', start) + 1
  return text.slice(start).replace(CONNECTION_COUNTS, '$1')
}
