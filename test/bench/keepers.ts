import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Host } from '../support/host.ts'
import type { Spawned } from '../support/namespace.ts'
import { startPeerWith } from '../support/peers.ts'
import { KEPT_VIP } from './kept-run.ts'

/** What keeps an address bound, as Debian has it. */
export interface Keeper {
  name: string
  start(host: Host): Spawned
  /** How often the address is deleted: less of one that takes its time. */
  rounds: number
}

export const KEEPERS: readonly Keeper[] = [
  {
    name: 'keepalived, static',
    start: host =>
      startPeerWith('keepalived of addresses', host, `static_ipaddress { ${KEPT_VIP}/32 dev lo\n}\n`),
    rounds: 200,
  },
  {
    name: 'keepalived, VRRP',
    start: host => startPeerWith('keepalived of addresses', host, vrrpConf()),
    rounds: 20,
  },
  { name: 'systemd-networkd', start: startNetworkd, rounds: 1 },
]

/** Resolves once the address is bound. */
export async function startKeeper({ name, start }: Keeper, host: Host): Promise<{ process: Spawned }> {
  const process = start(host)
  const bound = async () => (await host.run('ip', ['-4', 'addr', 'show', 'dev', 'lo'])).includes(KEPT_VIP)
  const isBound = (async () => {
    while (!(await bound())) await sleep(50)
  })()
  const died = process.then(({ stdout, stderr }) => {
    throw new Error(`${name} ended: ${stdout}${stderr}`)
  })
  died.catch(() => undefined)
  await Promise.race([isBound, died])
  return { process }
}

function vrrpConf(): string {
  return `vrrp_instance site {
  state MASTER
  interface eth0
  virtual_router_id 51
  priority 150
  advert_int 1
  virtual_ipaddress { ${KEPT_VIP}/32 dev lo
  }
}
`
}

function startNetworkd(host: Host): Spawned {
  const script = fileURLToPath(new URL('../support/networkd.sh', import.meta.url))
  const cache = fileURLToPath(new URL('../../node_modules/.cache/rs-agent-lab/debian', import.meta.url))
  const alone = ['--mount', '--pid', '--fork', '--kill-child']
  return host.spawn('unshare', [...alone, 'sh', script, cache, `${KEPT_VIP}/32`], { input: '' })
}
