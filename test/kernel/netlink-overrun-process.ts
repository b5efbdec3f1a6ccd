/**
 * Runs inside a namespace: overruns a socket of npm netlink, tuned with the options of its first argument, by one
 * send of more acknowledged requests than the receive buffer holds answers to. Then asks until it is answered
 * again, and prints how many answers came to the many.
 */
import { RawNetlinkSocket } from 'netlink/dist/raw.js'
import { tuneNetlinkSocket } from '../../agent/host/native.ts'
import { NETLINK_ROUTE } from '../../agent/host/netlink/connection.ts'

/** include/uapi/linux/netlink.h: NLMSG_NOOP asks for nothing, NLM_F_REQUEST | NLM_F_ACK for an answer to that. */
const NLMSG_NOOP = 1
const ACKNOWLEDGED = 0x5
const HEADER_BYTES = 16
const MANY = 1000

const socket = new RawNetlinkSocket(NETLINK_ROUTE)
tuneNetlinkSocket(NETLINK_ROUTE, socket.address().port, JSON.parse(process.argv[2] ?? '{}'))
let answered = 0
socket.on('error', error => process.stderr.write(`${error.message}\n`))
socket.on('message', answer => {
  const isOneOfMany = answer.readUInt32LE(8) < MANY
  if (isOneOfMany) {
    answered++
    return
  }
  process.stdout.write(JSON.stringify({ asked: MANY, answered }))
  clearInterval(asking)
  socket.close()
})
socket.send(Buffer.concat(Array.from({ length: MANY }, (_, sequence) => request(sequence))))
// One that finds the buffer still full is lost, too.
const asking = setInterval(() => socket.send(request(MANY)), 10)

function request(sequence: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeUInt32LE(HEADER_BYTES, 0)
  header.writeUInt16LE(NLMSG_NOOP, 4)
  header.writeUInt16LE(ACKNOWLEDGED, 6)
  header.writeUInt32LE(sequence, 8)
  return header
}
