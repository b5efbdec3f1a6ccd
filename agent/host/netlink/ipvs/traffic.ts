import type { Traffic } from '../../../model/ipvs.ts'
import type { LocatedAttributes } from '../attributes.ts'

/** Numbers of include/uapi/linux/ip_vs.h (IPVS_STATS_ATTR_*). */
const IPVS_STATS_ATTR_CONNS = 1
const IPVS_STATS_ATTR_INPKTS = 2
const IPVS_STATS_ATTR_OUTPKTS = 3
const IPVS_STATS_ATTR_INBYTES = 4
const IPVS_STATS_ATTR_OUTBYTES = 5
const IPVS_STATS_ATTR_CPS = 6
const IPVS_STATS_ATTR_INPPS = 7
const IPVS_STATS_ATTR_OUTPPS = 8
const IPVS_STATS_ATTR_INBPS = 9
const IPVS_STATS_ATTR_OUTBPS = 10

/** Of the 64-bit statistics (IPVS_SVC_ATTR_STATS64, IPVS_DEST_ATTR_STATS64; Linux 4.1). */
export function decodeTraffic(stats: LocatedAttributes): Traffic {
  return {
    connections: stats.u64(IPVS_STATS_ATTR_CONNS),
    inPackets: stats.u64(IPVS_STATS_ATTR_INPKTS),
    outPackets: stats.u64(IPVS_STATS_ATTR_OUTPKTS),
    inBytes: stats.u64(IPVS_STATS_ATTR_INBYTES),
    outBytes: stats.u64(IPVS_STATS_ATTR_OUTBYTES),
    connectionsPerSecond: stats.u64(IPVS_STATS_ATTR_CPS),
    inPacketsPerSecond: stats.u64(IPVS_STATS_ATTR_INPPS),
    outPacketsPerSecond: stats.u64(IPVS_STATS_ATTR_OUTPPS),
    inBytesPerSecond: stats.u64(IPVS_STATS_ATTR_INBPS),
    outBytesPerSecond: stats.u64(IPVS_STATS_ATTR_OUTBPS),
  }
}
