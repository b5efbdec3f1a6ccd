/**
 * Runs in a guest: loads and unloads the kernel's IPVS under an open connection to it, and prints as JSON what the
 * agent says each time.
 */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import type { AgentError } from '../../agent/errors.ts'
import { openIpvs } from '../../agent/host/ipvs.ts'
import type { IpAddress } from '../../agent/model/address.ts'
import type { ServiceKey, VirtualService } from '../../agent/model/ipvs.ts'

// Newer kernels would load it when they are asked for it.
writeFileSync('/proc/sys/kernel/modprobe', '/bin/false')
const key: ServiceKey = { kind: 'address', protocol: 'tcp', address: '10.10.10.100' as IpAddress, port: 80 }
const service: VirtualService = {
  key,
  scheduler: 'rr',
  schedulerFlags: [],
  onePacket: false,
  persistence: null,
  persistenceEngine: null,
}
const said: Record<string, unknown> = {}

said.opened = await answerOf(openIpvs())
execFileSync('modprobe', ['ip_vs'])
const ipvs = await openIpvs()
const add = () => ipvs.edit([{ edit: 'add-service', service }])
said.withoutScheduler = await answerOf(add())
execFileSync('modprobe', ['ip_vs_rr'])
said.withScheduler = await answerOf(add())

await ipvs.edit([{ edit: 'flush' }])
execFileSync('rmmod', ['ip_vs_rr', 'ip_vs'])
said.read = await answerOf(ipvs.table())
said.glanced = await answerOf(ipvs.glance())
said.edited = await answerOf(add())

execFileSync('modprobe', ['-a', 'ip_vs', 'ip_vs_rr'])
said.editedAgain = await answerOf(add())
said.services = (await ipvs.services()).map(found => found.key)
ipvs.close()
process.stdout.write(JSON.stringify(said))

/** What the agent says when it refuses, or that it does not. */
async function answerOf(work: Promise<unknown>): Promise<unknown> {
  try {
    await work
    return 'done'
  } catch (error) {
    const { code, message, hint } = error as AgentError
    return { code, message, hint }
  }
}
