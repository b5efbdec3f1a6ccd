import type { Row } from '../../support/fault-row.ts'
import { arpRows } from './arp.ts'
import { vipRows } from './vip.ts'

/** The whole matrix: names are unique, and the same on every kernel. */
export const rows: readonly Row[] = [...vipRows, ...arpRows]
