import { fileURLToPath } from 'node:url'
import type { Row, Site } from '../../support/fault-row.ts'
import { firstLine } from '../../support/first-line.ts'

const program = fileURLToPath(new URL('../../../native/target/release/examples/xdp-pass', import.meta.url))

/** What is attached stays as long as the program that attached it, which ends with the host. */
async function attachXdp({ server }: Site): Promise<void> {
  await firstLine(server.spawn(program, ['eth0']))
}

/** Real frames meet the program first, injected ones do not. */
export const xdpRows: Row[] = [
  {
    name: 'a native XDP program sees the frames of the NIC first',
    fault: attachXdp,
    verify: { unknown: { 'arp-silence': /XDP/ } },
  },
]
