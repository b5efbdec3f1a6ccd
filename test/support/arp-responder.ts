import { fileURLToPath } from 'node:url'
import { firstLine } from './first-line.ts'
import type { Host } from './host.ts'

export interface ResponderPlan {
  ifindex: number
  mac: string
  address: string
}

/** Answers ARP for an address on the first NIC of a host, from a program: the kernel's sysctls do not concern it. */
export async function answerArpFor(host: Host, address: string): Promise<void> {
  const [{ ifindex }] = JSON.parse(await host.run('ip', ['-j', 'link', 'show', host.nics[0]?.name ?? '']))
  const plan: ResponderPlan = { ifindex, mac: host.mac, address }
  const program = fileURLToPath(new URL('./arp-responder-process.ts', import.meta.url))
  await firstLine(host.spawn(process.execPath, [program, JSON.stringify(plan)]))
}
