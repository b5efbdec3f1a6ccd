import type { Row } from '../../support/fault-row.ts'
import { passByNativeXdp } from '../../support/xdp-pass.ts'

/** Real frames meet the program first, injected ones do not. */
export const xdpRows: Row[] = [
  {
    name: 'a native XDP program sees the frames of the NIC first',
    fault: ({ server }) => passByNativeXdp(server, 'eth0'),
    verify: { unknown: { 'arp-silence': /XDP/, datapath: /XDP/ } },
  },
]
