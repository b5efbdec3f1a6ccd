import type { Row } from '../../support/fault-row.ts'
import { arpRows } from './arp.ts'
import { containerRows } from './containers.ts'
import { firewallRows } from './firewall.ts'
import { ipv6Rows } from './ipv6.ts'
import { loadRows } from './load.ts'
import { nicRows } from './nics.ts'
import { persistenceRows } from './persistence.ts'
import { rightsRows } from './rights.ts'
import { routeRows } from './routes.ts'
import { segmentRows } from './segment.ts'
import { serviceRows } from './service.ts'
import { vipRows } from './vip.ts'
import { xdpRows } from './xdp.ts'

/** The whole matrix: names are unique, and the same on every kernel. */
export const rows: readonly Row[] = [
  ...vipRows,
  ...arpRows,
  ...routeRows,
  ...firewallRows,
  ...serviceRows,
  ...segmentRows,
  ...nicRows,
  ...containerRows,
  ...ipv6Rows,
  ...persistenceRows,
  ...rightsRows,
  ...xdpRows,
  ...loadRows,
]
