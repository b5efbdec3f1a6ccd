/**
 * Runs inside a namespace: `NIC METHOD ADDRESS…` asks for each address by that one injection method, and prints
 * whether the question arrived on the NIC and which MAC answered it. The last address must be one that the host
 * answers for: its answer ends the wait for those before it.
 */
import { openNetwork } from '../../agent/host/netlink/network.ts'
import { arpProtocol } from '../../agent/host/vantage/arp.ts'
import type { InjectionMethod } from '../../agent/host/vantage/injection.ts'
import { openSilenceVantage } from '../../agent/host/vantage/silence.ts'
import type { IpAddress } from '../../agent/model/address.ts'

export interface Answer {
  arrived: boolean
  mac: string | null
}

const [nicName, method, ...addresses] = process.argv.slice(2)
const network = openNetwork()
const nic = (await network.links()).find(({ name }) => name === nicName)
if (nic === undefined) throw new Error(`there is no ${nicName}`)

const answers = new Map(addresses.map(address => [address, { arrived: false, mac: null } as Answer]))
const last = answers.get(addresses.at(-1) ?? '')
const vantage = await openSilenceVantage(arpProtocol(null), nic, method as InjectionMethod, network)
for (const address of addresses) vantage.ask(address as IpAddress, 'to everybody')
while (last?.mac === null) {
  const passages = await vantage.watch(2000)
  if (passages.length === 0) break
  for (const { kind, address, mac } of passages) {
    const answer = answers.get(address)
    if (answer !== undefined) Object.assign(answer, kind === 'claim' ? { mac } : { arrived: true })
  }
}
vantage.close()
network.close()
process.stdout.write(JSON.stringify(Object.fromEntries(answers)))
