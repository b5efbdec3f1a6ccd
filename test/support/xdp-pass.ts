import { fileURLToPath } from 'node:url'
import { firstLine } from './first-line.ts'
import type { Host } from './host.ts'

export interface NativeXdp {
  /** Takes the program off the NIC again; it also goes with the host. */
  stop(): Promise<void>
}

/**
 * Puts a native XDP program on a NIC, one that passes every frame on, as some firewalls have one. It is the Rust
 * example that `npm run build:test-programs` builds.
 */
export async function passByNativeXdp(host: Host, nic: string): Promise<NativeXdp> {
  const passing = host.spawn(program, [nic])
  await firstLine(passing)
  const stop = async () => {
    passing.stdin.end()
    const { exitCode, stderr } = await passing
    if (exitCode !== 0) throw new Error(`${program}: exit code ${exitCode}: ${stderr}`)
  }
  return { stop }
}

const program = fileURLToPath(new URL('../../native/target/debug/examples/xdp-pass', import.meta.url))
