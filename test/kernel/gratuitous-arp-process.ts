/**
 * Runs inside a namespace: `IFINDEX MAC ADDRESS` tells the segment 100 times a second, by replies that nobody asked
 * for, that the MAC owns the address, as a director does that has just become master. Prints `ready` after the first
 * ones; ends when its stdin does.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { encodeArpFrame, FrameSender } from '../../agent/host/native.ts'

const BROADCAST_MAC = 'ff:ff:ff:ff:ff:ff'
const PER_SECOND = 100

const [ifindex, mac = '', address = ''] = process.argv.slice(2)
const sender = new FrameSender(Number(ifindex))
const frame = encodeArpFrame(BROADCAST_MAC, mac, {
  operation: 2,
  senderMac: mac,
  senderIp: address,
  targetMac: BROADCAST_MAC,
  targetIp: address,
})
let isOver = false
process.stdin.once('end', () => (isOver = true)).resume()
for (let first = true; !isOver; first = false) {
  await sender.sendPaced(frame, PER_SECOND, 5)
  if (first) process.stdout.write('ready\n')
  await sleep(0)
}
sender.close()
