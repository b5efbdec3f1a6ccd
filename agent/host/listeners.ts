import { readFileSync } from 'node:fs'
import { hasErrno } from '../errors.ts'
import { addressFromBytes, type IpAddress } from '../model/address.ts'

/** TCP_LISTEN of include/net/tcp_states.h, as /proc/net/tcp prints it. */
const LISTENING = '0A'

/** The addresses on which something in this network namespace listens for TCP on the port; `::` and `0.0.0.0` for all. */
export function listenersOn(port: number): IpAddress[] {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0')
  const found = ['/proc/self/net/tcp', '/proc/self/net/tcp6'].flatMap(file =>
    tableLines(file).flatMap(line => {
      const [, local = '', , state] = line.trim().split(/\s+/)
      const [address = '', localPort] = local.split(':')
      return state === LISTENING && localPort === wanted ? [parseKernelHex(address)] : []
    }),
  )
  return [...new Set(found)]
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
