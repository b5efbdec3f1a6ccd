import { fileURLToPath } from 'node:url'
import { firstLine } from './first-line.ts'
import type { Host } from './host.ts'
import type { Spawned } from './namespace.ts'

/**
 * Passes every frame that arrives on a NIC through a native XDP program, as some hosts' firewalls do. Ends when
 * its stdin does (`spawned.stdin.end()`), or with the host. Built by `npm run build:test-programs`.
 */
export async function passByNativeXdp(host: Host, nic: string): Promise<Spawned> {
  const spawned = host.spawn(program, [nic])
  await firstLine(spawned)
  return spawned
}

const program = fileURLToPath(new URL('../../native/target/debug/examples/xdp-pass', import.meta.url))
