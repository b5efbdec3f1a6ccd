import { readFileSync } from 'node:fs'
import { hasErrno } from '../errors.ts'
import { addressFromBytes, familyOf, type IpAddress } from '../model/address.ts'

/** TCP_LISTEN and TCP_SYN_RECV of include/net/tcp_states.h, as /proc/net/tcp prints them. */
const LISTENING = '0A'
const HALF_OPEN = '03'

/** Something in this network namespace that listens for TCP. */
export interface Listener {
  /** `::` and `0.0.0.0` stand for all. */
  address: IpAddress
  /** Connections that are complete and that nobody has accepted yet. */
  waiting: number
  /** Of the socket: `socket:[INODE]` is what descriptors of it are called. */
  inode: number
}

export function listenersOn(port: number): Listener[] {
  // tx_queue:rx_queue; of a listener the latter is its accept queue (net/ipv4/tcp_ipv4.c, get_tcp4_sock).
  return socketsIn(LISTENING)
    .filter(({ localPort }) => localPort === port)
    .map(({ address, queues, inode }) => {
      return { address, inode, waiting: Number.parseInt(queues.split(':')[1] ?? '0', 16) }
    })
}

export const EVERY_IPV4 = '0.0.0.0' as IpAddress
/** Takes IPv4 too, unless it was opened for IPv6 alone (IPV6_V6ONLY), which is not to be seen from outside. */
export const EVERY_IPV6 = '::' as IpAddress

/** Whether a listener at the one address is there for connections to the other. */
export function covers(listener: IpAddress, address: IpAddress): boolean {
  return listener === address || listener === (familyOf(address) === 4 ? EVERY_IPV4 : EVERY_IPV6)
}

/** The peers' ports of connections whose SYN was answered, and of which nothing more has come. */
export function halfOpenPeerPorts(port: number): ReadonlySet<number> {
  return new Set(
    socketsIn(HALF_OPEN)
      .filter(({ localPort }) => localPort === port)
      .map(({ peerPort }) => peerPort),
  )
}

/** TCP_TIME_WAIT of include/net/tcp_states.h: closed by this end, and kept for a minute. */
const CLOSED = '06'

/** The connections to any of the addresses, those that this end has just closed among them. */
export function connectionsOf(addresses: ReadonlySet<IpAddress>): { key: string; isOpen: boolean }[] {
  return sockets()
    .filter(({ address, state }) => state !== LISTENING && addresses.has(address))
    .map(({ address, localPort, peer, state }) => ({
      key: `${address} ${localPort} ${peer}`,
      isOpen: state !== CLOSED,
    }))
}

interface TcpSocket {
  state: string
  /** Address and port, as the kernel prints them. */
  peer: string
  address: IpAddress
  localPort: number
  peerPort: number
  queues: string
  inode: number
}

function socketsIn(wanted: string): TcpSocket[] {
  return sockets().filter(({ state }) => state === wanted)
}

function sockets(): TcpSocket[] {
  return ['/proc/self/net/tcp', '/proc/self/net/tcp6'].flatMap(file =>
    tableLines(file).flatMap(line => {
      const [, local = '', peer = '', state = '', queues = '', , , , , inode = ''] = line.trim().split(/\s+/)
      if (state === '') return []
      const [address = '', localPort = ''] = local.split(':')
      const [, peerPort = ''] = peer.split(':')
      return [
        {
          state,
          peer,
          address: parseKernelHex(address),
          localPort: Number.parseInt(localPort, 16),
          peerPort: Number.parseInt(peerPort, 16),
          queues,
          inode: Number(inode),
        },
      ]
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
  // A socket for both families has IPv4 under ::ffff:0:0/96 (RFC 4291).
  const isMapped = MAPPED.equals(bytes.subarray(0, MAPPED.length))
  return addressFromBytes(isMapped ? bytes.subarray(MAPPED.length) : bytes)
}

const MAPPED = Buffer.from('00000000000000000000ffff', 'hex')
const LITTLE_ENDIAN = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1
