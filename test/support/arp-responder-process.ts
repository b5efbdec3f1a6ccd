// Answers every question for one address that arrives on a NIC, until it is killed. Prints `ready` when it hears.
import { createRequire } from 'node:module'
import type { ResponderPlan } from './arp-responder.ts'

const { ArpTap, FrameSender, encodeArpFrame }: typeof import('../../native/addon/index.d.ts') = createRequire(
  import.meta.url,
)('../../native/addon/rs-agent.node')

const request = 1
const reply = 2

const { ifindex, mac, address }: ResponderPlan = JSON.parse(process.argv[2] ?? '{}')
const tap = new ArpTap([ifindex], { incoming: 'all' })
const sender = new FrameSender(ifindex)
process.stdout.write('ready\n')
for (;;)
  for (const { outgoing, packet } of await tap.receive(1000)) {
    if (outgoing || packet.operation !== request || packet.targetIp !== address) continue
    const answer = {
      operation: reply,
      senderMac: mac,
      senderIp: address,
      targetMac: packet.senderMac,
      targetIp: packet.senderIp,
    }
    sender.send(encodeArpFrame(packet.senderMac, mac, answer))
  }
