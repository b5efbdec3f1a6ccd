import { readTemplate } from '../../agent/host/templates.ts'
import type { WantedRealServer } from '../../agent/realserver/desired.ts'

/** A real server that nothing is written about but its VIPs, and what the test says. */
export function wantedRealServerOf(
  changes: Pick<WantedRealServer, 'vips'> & Partial<WantedRealServer>,
): WantedRealServer {
  return {
    interfaces: 'auto',
    directors: [],
    siblings: [],
    clients: [],
    services: [],
    httpd: null,
    nfs: [],
    packages: 'leave',
    drain: 'in rotation',
    templates: { sysctl: readTemplate('sysctl/90-rs-agent.conf'), site: '', mount: '', automount: '' },
    ...changes,
  }
}
