import { fileURLToPath } from 'node:url'
import { firstLine } from './first-line.ts'
import type { Host } from './host.ts'
import type { Spawned } from './namespace.ts'

export interface StormOptions {
  /** Who-has per second, 5,000 unless told. */
  perSecond?: number
  /** The storm ends by itself after this time, 60 s unless told. */
  limitMs?: number
}

export interface StormCount {
  /** Requests that left the NIC, as the kernel showed them to the tap. */
  sent: number
  /** Replies that claim the VIP, by the MAC they name. */
  answered: Record<string, number>
  /** Requests of others with the VIP as sender, by MAC: they overwrite a neighbour's entry like a reply. */
  announced: Record<string, number>
  /** Frames that the tap lost: with any, a count of 0 proves nothing. */
  dropped: number
}

export interface Storm {
  /** When it was stopped or has reached its time limit. */
  ended: Promise<StormCount>
  stop(): Promise<StormCount>
}

/** Asks from one host, many times a second, who has the VIP; resolves when the first frames have left. */
export async function startArpStorm(client: Host, vip: string, options: StormOptions = {}): Promise<Storm> {
  const { perSecond = 5000, limitMs = 60_000 } = options
  const [nic] = client.nics
  if (!nic) throw new Error(`${client.name} has no NIC to send from`)
  const [{ ifindex }] = JSON.parse(await client.run('ip', ['-j', 'link', 'show', nic.name]))
  const plan: StormPlan = { ifindex, mac: nic.mac, address: client.address, vip, perSecond, limitMs }
  const child = client.spawn(process.execPath, [program, JSON.stringify(plan)])
  await firstLine(child)
  const ended = countOf(child)
  // A test that fails earlier kills the storm and does not look at its count.
  ended.catch(() => {})
  const stop = () => {
    child.stdin.end('stop\n')
    return ended
  }
  return { ended, stop }
}

async function countOf(child: Spawned): Promise<StormCount> {
  const { exitCode, stdout, stderr } = await child
  if (exitCode !== 0) throw new Error(`the ARP storm ended with exit code ${exitCode}: ${stderr}`)
  return JSON.parse(stdout.slice(stdout.indexOf('\n')))
}

/** The claims of the VIP by hosts that must be silent. */
export function leaksOf(count: StormCount, silentHosts: readonly Host[]): number {
  const macs = silentHosts.flatMap(host => host.nics.map(({ mac }) => mac))
  const claims = macs.map(mac => (count.answered[mac] ?? 0) + (count.announced[mac] ?? 0))
  return claims.reduce((sum, count) => sum + count, 0)
}

export interface StormPlan {
  ifindex: number
  mac: string
  address: string
  vip: string
  perSecond: number
  limitMs: number
}

const program = fileURLToPath(new URL('./arp-storm-process.ts', import.meta.url))
