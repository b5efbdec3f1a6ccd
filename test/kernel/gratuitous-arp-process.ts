/**
 * Runs inside a namespace: `IFINDEX MAC ADDRESS [PER_SECOND]` tells the segment, 100 times a second unless told, by
 * replies that nobody asked for, that the MAC owns the address, as a director does that has just become master. Prints
 * `ready` after the first ones; ends when its stdin does. With `once` for the rate it is a single one.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { encodeArpFrame, FrameSender } from '../../agent/host/native.ts'

const BROADCAST_MAC = 'ff:ff:ff:ff:ff:ff'
/** Of a second, at a time: it ends soon when it shall. */
const SHARE = 0.05

const [ifindex, mac = '', address = '', rate = '100'] = process.argv.slice(2)
const sender = new FrameSender(Number(ifindex))
const frame = encodeArpFrame(BROADCAST_MAC, mac, {
  operation: 2,
  senderMac: mac,
  senderIp: address,
  targetMac: BROADCAST_MAC,
  targetIp: address,
})
const perSecond = rate === 'once' ? 1 : Number(rate)
const count = Math.max(1, Math.round(perSecond * SHARE))
let isOver = rate === 'once'
process.stdin.once('end', () => (isOver = true)).resume()
for (let isFirst = true; isFirst || !isOver; isFirst = false) {
  await sender.sendPaced(frame, perSecond, count)
  if (isFirst) process.stdout.write('ready\n')
  await sleep(0)
}
sender.close()
