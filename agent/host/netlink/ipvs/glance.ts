import { readFileSync } from 'node:fs'
import { hasErrno } from '../../../errors.ts'
import { withoutIpvs } from './refusal.ts'

/** Of the network namespace that the process runs in; its form is ip_vs_info_seq_show's of ip_vs_ctl.c. */
const TABLE = '/proc/net/ip_vs'
/** The version of IPVS, and the size of the connection table, which grows by itself; names of the columns. */
const HEADING_LINES = 3
/** Active and inactive connections, which end the line of a destination. */
const CONNECTION_COUNTS = /(-> \S+ +\S+ +\d+) +\d+ +\d+ *$/gm

/** In one read of a file, instead of one dump for each service: the text is never parsed. */
export function readGlance(): string {
  try {
    const lines = readFileSync(TABLE, 'latin1')
    let start = 0
    for (let line = 0; line < HEADING_LINES; line++) start = lines.indexOf('\n', start) + 1
    return lines.slice(start).replace(CONNECTION_COUNTS, '$1')
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) throw withoutIpvs()
    throw error
  }
}
