import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Row, Site } from '../../support/fault-row.ts'
import { inTurn, withHostScope } from '../../support/faults.ts'

/** Writes a file below the real server's root. */
function write(path: string, ...lines: string[]) {
  return async ({ agent }: Site) => {
    const file = join(agent.root, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, lines.map(line => `${line}\n`).join(''))
  }
}

const loud = ['all', 'eth0'].map(nic => `net.ipv4.conf.${nic}.arp_ignore = 0`)
const hostScope = ['all', 'eth0'].map(nic => `net.ipv4.conf.${nic}.arp_ignore = 3`)

/** What the next boot makes of the host. */
export const persistenceRows: Row[] = [
  {
    name: 'our sysctl.d file is deleted',
    fault: async ({ agent }) => rmSync(join(agent.root, 'etc/sysctl.d/90-rs-agent.conf')),
    verify: { fail: { 'arp-sysctl-persisted': /arp_ignore 0/ } },
  },
  {
    name: 'a later sysctl.d file undoes ours',
    fault: write('etc/sysctl.d/99-tuning.conf', '# faster', ...loud),
    verify: { fail: { 'arp-sysctl-persisted': /99-tuning\.conf:[23]/ } },
  },
  {
    name: 'a later sysctl.d file of a package undoes ours',
    fault: write('usr/lib/sysctl.d/99-package.conf', ...loud),
    verify: { fail: { 'arp-sysctl-persisted': /99-package\.conf:[12]/ } },
  },
  {
    name: 'sysctl.conf, which counts last, undoes ours',
    fault: write('etc/sysctl.conf', ...loud),
    verify: { fail: { 'arp-sysctl-persisted': /sysctl\.conf:[12]/ } },
  },
  {
    name: 'an earlier sysctl.d file says otherwise, which does nothing',
    fault: write('etc/sysctl.d/10-network.conf', ...loud),
    verify: {},
  },
  {
    name: 'a later sysctl.d file sets arp_ignore 3, and the VIP has global scope',
    fault: write('etc/sysctl.d/99-guide.conf', ...hostScope),
    verify: { fail: { 'arp-sysctl-persisted': /arp_ignore 3/ } },
  },
  {
    name: 'a later sysctl.d file sets arp_ignore 3, and the VIP has host scope, which is as quiet',
    fault: inTurn(withHostScope, write('etc/sysctl.d/99-guide.conf', ...hostScope)),
    verify: { pass: { 'arp-sysctl-persisted': /99-guide\.conf.*host scope/ } },
  },
]
