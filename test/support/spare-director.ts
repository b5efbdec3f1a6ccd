import type { FoundHost } from '../../agent/reconcile/found.ts'

/** A host in memory that may become the director of 10.10.10.100, and is none yet. */
export const SPARE_DIRECTOR: FoundHost = {
  links: ['lo', 'eth0'].map((name, index) => ({
    index: index + 1,
    name,
    mac: name === 'lo' ? '' : '02:00:00:00:00:02',
    up: true,
    // The proof on the wire has no place in memory.
    carrier: name === 'lo',
    loopback: name === 'lo',
    arp: name !== 'lo',
  })),
  addresses: [],
  routes: [],
  files: {},
  ipvs: {
    pools: [],
    timeouts: { tcpSeconds: 900, tcpFinSeconds: 120, udpSeconds: 300 },
    daemons: [],
  },
  sysctls: Object.fromEntries([
    ...['all', 'eth0'].flatMap(scope =>
      ['send_redirects', 'arp_ignore', 'arp_announce', 'forwarding'].map(name => [
        `net/ipv4/conf/${scope}/${name}`,
        '0',
      ]),
    ),
    ['net/ipv4/vs/expire_nodest_conn', '0'],
  ]),
}
