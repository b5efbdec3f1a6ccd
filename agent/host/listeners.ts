import { readFileSync } from 'node:fs'
import { hasErrno } from '../errors.ts'
import { addressFromBytes, type IpAddress } from '../model/address.ts'

/** TCP_LISTEN of include/net/tcp_states.h, as /proc/net/tcp prints it. */
const LISTENING = '0A'

/** Something in this network namespace that listens for TCP. */
export interface Listener {
  /** `::` and `0.0.0.0` stand for all. */
  address: IpAddress
  /** Connections that are complete and that nobody has accepted yet. */
  waiting: number
}

export function listenersOn(port: number): Listener[] {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0')
  return ['/proc/self/net/tcp', '/proc/self/net/tcp6'].flatMap(file =>
    tableLines(file).flatMap(line => {
      const [, local = '', , state, queues = ''] = line.trim().split(/\s+/)
      const [address = '', localPort] = local.split(':')
      if (state !== LISTENING || localPort !== wanted) return []
      // tx_queue:rx_queue; of a listener the latter is its accept queue (net/ipv4/tcp_ipv4.c, get_tcp4_sock).
      return [{ address: parseKernelHex(address), waiting: Number.parseInt(queues.split(':')[1] ?? '0', 16) }]
    }),
  )
}

function tableLines(file: string): string[] {
  try {
    return readFileSync(file, 'latin1').split('\n').slice(1)
  } catch (error) {
    // A kernel without IPv6.
    if (hasErrno(error, 'ENOENT')) return []
    throw error
  }
}

/** The kernel prints each 32 bits of the address as a number of its own byte order. */
function parseKernelHex(text: string): IpAddress {
  const bytes = Buffer.from(text, 'hex')
  if (LITTLE_ENDIAN) bytes.swap32()
  return addressFromBytes(bytes)
}

const LITTLE_ENDIAN = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1
