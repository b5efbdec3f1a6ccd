import type { IpAddress } from '../../model/address.ts'
import type { Link } from '../../model/network.ts'
import type { Network } from '../netlink/network.ts'
import { type InjectionMethod, NoVantage, openInjector, refusedAs } from './injection.ts'

/**
 * A place from which one NIC can be asked who owns an address, and watched, without another host: questions
 * are injected as if they had arrived on the NIC, and a tap sees what leaves it. What ARP and NDP have in
 * common is here; what sets them apart is in arp.ts and ndp.ts.
 */
export interface SilenceVantage {
  readonly method: InjectionMethod
  readonly rounds: Protocol['rounds']
  /** Asks who has the address; the frame never reaches the wire. */
  ask(address: IpAddress, manner: Manner): void
  /** What passed the NIC; waits until there is some or the time is over. */
  watch(timeoutMs: number): Promise<Passage[]>
  /** Frames that the tap had no room for since the last call: what was not seen may have been there. */
  takeDropCount(): number
  close(): void
}

/**
 * `control`: for the NIC's own address, from nobody, so that the answer leaves no trace. `to everybody`: for a
 * VIP, as a neighbour would ask. `to this NIC`: the same straight to it, from an address: a host that answers for
 * others is silent to nobody, or delays its answer to everybody by 0.8 s (proxy_delay). What is answered must
 * never reach more than this NIC's own MAC: a loud host would tell the segment what it wrongly owns.
 */
export type Manner = 'control' | 'to everybody' | 'to this NIC'

/** One question that arrived on the NIC, or one claim of an address that left it. */
export type Passage = {
  timestampUs: number
  /** Of the one who asks, or claims. */
  mac: string
  address: IpAddress
} & (
  | { kind: 'question' }
  | { kind: 'claim' /** Rather than talk of the host's own. */; answersProbe: boolean }
)

/** The part that differs between the protocols. */
export interface Protocol {
  /** How a VIP is asked for, round by round. */
  readonly rounds: readonly (readonly Manner[])[]
  openTap(nic: Link): ProtocolTap
  /** The frames that ask in this manner. */
  questions(nic: Link, address: IpAddress, manner: Manner): Buffer[]
}

export interface ProtocolTap {
  receive(timeoutMs: number): Promise<Passage[]>
  takeDropCount(): number
  close(): void
}

/** The kernel counts some 800 bytes for a frame: room for the questions about 4,000 VIPs at once. */
export const TAP_BUFFER_BYTES = 8 * 1024 * 1024

/** Throws NoVantage where the tap or the method is refused. */
export async function openSilenceVantage(
  protocol: Protocol,
  nic: Link,
  method: InjectionMethod,
  network: Network,
): Promise<SilenceVantage> {
  const tap = refusedAs('the tap', () => protocol.openTap(nic))
  try {
    const injector = await openInjector(nic, method, network)
    return {
      method,
      rounds: protocol.rounds,
      ask(address, manner) {
        for (const frame of protocol.questions(nic, address, manner))
          if (!injector.inject(frame))
            throw new NoVantage('refused', `${method}: ${nic.name} did not take the frame`)
      },
      // A NIC that goes down meanwhile is told by the tap as an error.
      watch: timeoutMs =>
        tap.receive(timeoutMs).catch(error => {
          throw NoVantage.of(error, 'the tap')
        }),
      takeDropCount: () => tap.takeDropCount(),
      close() {
        injector.close()
        tap.close()
      },
    }
  } catch (error) {
    tap.close()
    throw error
  }
}
