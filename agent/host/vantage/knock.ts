import type { IpAddress } from '../../model/address.ts'
import type { Link } from '../../model/network.ts'
import { FrameSender, type TcpSighting, TcpTap } from '../native.ts'
import { type Endpoints, encodeReset, encodeSyn } from './handshake.ts'
import { NoVantage, refusedAs } from './injection.ts'

/**
 * Knocks on other hosts' doors, on the wire: a SYN for an address goes to the MAC of a host that is told, as a
 * director in direct routing sends it, and whatever comes back to the client port is seen.
 */
export interface Knocker {
  /** Sends a SYN; to be repeated while nothing comes. */
  knock(door: Door): void
  /** Ends what an accepted SYN began: no half-open connection stays there. */
  hangUp(door: Door): void
  /** What arrives, for those ports; waits until there is some or the time is over. */
  watch(timeoutMs: number): Promise<TcpSighting[]>
  close(): void
}

export interface Door {
  /** Of the host that is to answer. */
  mac: string
  address: IpAddress
  port: number
  /** This host's own, to which the answer comes. */
  client: IpAddress
  /** Tells the answers apart. */
  clientPort: number
}

const BUFFER_BYTES = 1024 * 1024

/** Throws NoVantage without CAP_NET_RAW, and for a NIC that is down or gone. */
export function openKnocker(nic: Link, clientPorts: { first: number; last: number }): Knocker {
  const sender = refusedAs('sending', () => new FrameSender(nic.index))
  try {
    const tap = refusedAs(
      'the tap',
      () => new TcpTap([nic.index], { clientPorts, arrivingOnly: true, bufferBytes: BUFFER_BYTES }),
    )
    const send = (frame: Buffer): void => refusedAs(`sending on ${nic.name}`, () => sender.send(frame))
    return {
      knock: door => send(encodeSyn(endpointsOf(door, nic))),
      hangUp: door => send(encodeReset(endpointsOf(door, nic))),
      watch: timeoutMs =>
        tap.receive(timeoutMs).catch(error => {
          throw NoVantage.of(error, 'the tap')
        }),
      close() {
        tap.close()
        sender.close()
      },
    }
  } catch (error) {
    sender.close()
    throw error
  }
}

function endpointsOf({ mac, address, port, client, clientPort }: Door, nic: Link): Endpoints {
  return {
    sourceMac: nic.mac,
    destinationMac: mac,
    sourceIp: client,
    destinationIp: address,
    sourcePort: clientPort,
    destinationPort: port,
  }
}
