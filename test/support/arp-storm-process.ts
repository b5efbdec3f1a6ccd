// Sends who-has and counts who claims the VIP, inside a host's namespace. Prints `ready` when the first frames
// have left; ends at the first input (or the end of it) or at the time limit, and prints the counts as JSON.
import { createRequire } from 'node:module'
import type { ArpSighting } from '../../native/addon/index.d.ts'
import type { StormCount, StormPlan } from './arp-storm.ts'

const { ArpTap, FrameSender, encodeArpFrame }: typeof import('../../native/addon/index.d.ts') = createRequire(
  import.meta.url,
)('../../native/addon/rs-agent.node')

const request = 1
const reply = 2
const broadcast = 'ff:ff:ff:ff:ff:ff'
const unknown = '00:00:00:00:00:00'

const plan: StormPlan = JSON.parse(process.argv[2] ?? '{}')
const count: StormCount = { sent: 0, answered: {}, announced: {}, dropped: 0 }
const deadlineMs = performance.now() + plan.limitMs
let stopAsked = false
for (const event of ['data', 'end']) process.stdin.once(event, () => (stopAsked = true))

// 64 MB holds a minute of a storm's frames: what a busy machine reads late is not lost.
const tap = new ArpTap([plan.ifindex], { incoming: 'all', bufferBytes: 64 << 20 })
const sender = new FrameSender(plan.ifindex)
const whoHas = encodeArpFrame(broadcast, plan.mac, {
  operation: request,
  senderMac: plan.mac,
  senderIp: plan.address,
  targetMac: unknown,
  targetIp: plan.vip,
})

await storm()
process.stdin.destroy()

async function storm(): Promise<void> {
  await sendSlice()
  process.stdout.write('ready\n')
  while (!stopAsked && performance.now() < deadlineMs) await sendSlice()
  await hearLateReplies()
  count.dropped = tap.takeDropCount()
  process.stdout.write(JSON.stringify(count))
  sender.close()
  tap.close()
}

// A slice is a fiftieth of a second: so long it takes at most until `stop` is seen.
async function sendSlice(): Promise<void> {
  await sender.sendPaced(whoHas, plan.perSecond, Math.ceil(plan.perSecond / 50))
  tap.drain().forEach(tally)
}

// The slowest reply of a fully loaded machine was seen after 28 ms.
async function hearLateReplies(): Promise<void> {
  const quietMs = 50
  for (;;) {
    const sightings = await tap.receive(quietMs)
    if (sightings.length === 0) return
    sightings.forEach(tally)
  }
}

function tally({ outgoing, packet }: ArpSighting): void {
  if (outgoing) count.sent += Number(packet.operation === request && packet.targetIp === plan.vip)
  else if (packet.senderIp === plan.vip) {
    const claims = packet.operation === reply ? count.answered : count.announced
    claims[packet.senderMac] = (claims[packet.senderMac] ?? 0) + 1
  }
}
