import { messageOf } from '../errors.ts'
import type { IpAddress } from '../model/address.ts'
import type { Link } from '../model/network.ts'
import { type ArpSighting, ArpTap, ClsInjector, encodeArpFrame, TapDevice, XdpInjector } from './native.ts'
import type { Network } from './netlink/network.ts'

/**
 * A place from which one NIC can be asked and watched, without another host: frames are injected as if they
 * had arrived on the NIC, and a tap sees what leaves it. All of it vanishes with the process.
 */
export interface ArpVantage {
  /** `cls`, `xdp` or `mirred`. */
  readonly method: string
  /**
   * Asks who has the target; the frame never reaches the wire. As a broadcast, or at once to this NIC: a host
   * that answers for others delays its answer to a broadcast by up to 0.8 s (proxy_delay).
   */
  ask(target: IpAddress, sender: IpAddress, to: 'everybody' | 'this NIC'): void
  /** ARP that left the NIC, and the injected probes that arrived; waits until there is some or the time is over. */
  watch(timeoutMs: number): Promise<ArpSighting[]>
  /** Frames that the tap had no room for since the last call: what was not seen may have been there. */
  takeDropCount(): number
  close(): void
}

/** Why the NIC cannot be asked: one line per method that was tried. */
export class NoVantage extends Error {
  override name = 'NoVantage'
}

/** The kernel counts some 800 bytes for a frame: room for the questions about 4,000 VIPs at once. */
const TAP_BUFFER_BYTES = 8 * 1024 * 1024
const BROADCAST_MAC = 'ff:ff:ff:ff:ff:ff'
const UNKNOWN_MAC = '00:00:00:00:00:00'
const ARP_REQUEST = 1

interface Injector {
  inject(frame: Buffer): boolean
  close(): void
}

/** The injection methods, the one that disturbs least first; each is refused by some kernels or rights. */
export const INJECTION_METHODS = ['cls', 'xdp', 'mirred'] as const
export type InjectionMethod = (typeof INJECTION_METHODS)[number]

/** Throws NoVantage where the tap or the method is refused. */
export async function openArpVantage(
  nic: Link,
  method: InjectionMethod,
  network: Network,
): Promise<ArpVantage> {
  const tap = refusedAs(
    'the tap',
    () => new ArpTap([nic.index], { incoming: 'probes', bufferBytes: TAP_BUFFER_BYTES }),
  )
  try {
    const injector = await openInjector(nic, method, network)
    return {
      method,
      ask(target, sender, to) {
        const packet = {
          operation: ARP_REQUEST,
          senderMac: nic.mac,
          senderIp: sender,
          targetMac: UNKNOWN_MAC,
          targetIp: target,
        }
        const frame = encodeArpFrame(to === 'everybody' ? BROADCAST_MAC : nic.mac, nic.mac, packet)
        if (!refusedAs(method, () => injector.inject(frame)))
          throw new NoVantage(`${method}: ${nic.name} did not take the frame`)
      },
      // A NIC that goes down meanwhile is told by the tap as an error.
      watch: timeoutMs =>
        tap.receive(timeoutMs).catch(error => {
          throw new NoVantage(`the tap: ${messageOf(error)}`)
        }),
      takeDropCount: () => tap.takeDropCount(),
      close() {
        injector.close()
        tap.close()
      },
    }
  } catch (error) {
    tap.close()
    throw error instanceof NoVantage ? error : new NoVantage(`${method}: ${messageOf(error)}`)
  }
}

async function openInjector(nic: Link, method: InjectionMethod, network: Network): Promise<Injector> {
  switch (method) {
    case 'cls':
      return new ClsInjector(nic.index)
    case 'xdp':
      return new XdpInjector(nic.index)
    case 'mirred':
      return openMirred(nic, network)
    default:
      return method satisfies never
  }
}

/** A TAP device of our own whose arrivals go on as the NIC's; nothing is attached to the NIC itself. */
async function openMirred(nic: Link, network: Network): Promise<Injector> {
  const device = new TapDevice('rs-agent%d')
  try {
    await network.redirectArrivals(device.ifindex, nic)
  } catch (error) {
    device.close()
    throw error
  }
  return {
    inject: frame => {
      device.write(frame)
      return true
    },
    close: () => device.close(),
  }
}

function refusedAs<T>(what: string, open: () => T): T {
  try {
    return open()
  } catch (error) {
    throw new NoVantage(`${what}: ${messageOf(error)}`)
  }
}
