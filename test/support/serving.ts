import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Host } from './host.ts'

/** Who serves by the kernel's table of a host, whoever wrote it: IPv4 addresses with a weight above 0, of all services. */
export function serving(host: Host): string[] {
  const table = readFileSync(`/proc/${host.namespace.pid}/net/ip_vs`, 'latin1')
  // A line for each real server: `  -> 0A0A0A0C:0050      Route   1      0          0`.
  const lines = table.matchAll(/^ {2}-> ([0-9A-F]{8}):\S+ +\S+ +([0-9]+) /gm)
  const found = [...lines].flatMap(([, address = '', weight]) => (weight === '0' ? [] : [dotted(address)]))
  return [...new Set(found)].sort()
}

/** Waits until exactly these serve. */
export async function untilServing(
  host: Host,
  addresses: readonly string[],
  { lookEveryMs = 20 }: { lookEveryMs?: number } = {},
): Promise<void> {
  const wanted = addresses.toSorted().join()
  while (serving(host).join() !== wanted) await sleep(lookEveryMs)
}

function dotted(hex: string): string {
  return [...Buffer.from(hex, 'hex')].join('.')
}
