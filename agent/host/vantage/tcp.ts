import type { IpAddress } from '../../model/address.ts'
import type { Link } from '../../model/network.ts'
import { type TcpSighting, TcpTap } from '../native.ts'
import type { Network } from '../netlink/network.ts'
import { type Endpoints, encodeReset, encodeSyn } from './handshake.ts'
import { type InjectionMethod, NoVantage, openInjector, refusedAs } from './injection.ts'

/** A client's attempt to open a connection, as a director's frame brings it to a NIC. */
export interface Knock {
  client: IpAddress
  /** Of the client; tells the answers apart. */
  clientPort: number
  vip: IpAddress
  port: number
  /** Of the director, where it is known: a firewall may let in nobody else's frames. */
  fromMac: string | null
}

/** Knocks on one NIC and watches all through which an answer may leave. */
export interface TcpVantage {
  readonly method: InjectionMethod
  knock(knock: Knock): void
  /** Ends what a knock began: no half-open connection stays. */
  hangUp(knock: Knock): void
  watch(timeoutMs: number): Promise<TcpSighting[]>
  close(): void
}

const BUFFER_BYTES = 4 * 1024 * 1024

/** Throws NoVantage where the tap or the method is refused. */
export async function openTcpVantage(
  nic: Link,
  watched: readonly Link[],
  clientPorts: { first: number; last: number },
  method: InjectionMethod,
  network: Network,
): Promise<TcpVantage> {
  const indexes = watched.map(({ index }) => index)
  const tap = refusedAs('the tap', () => new TcpTap(indexes, { clientPorts, bufferBytes: BUFFER_BYTES }))
  try {
    const injector = await openInjector(nic, method, network)
    const inject = (frame: Buffer): void => {
      if (!injector.inject(frame))
        throw new NoVantage('refused', `${method}: ${nic.name} did not take the frame`)
    }
    return {
      method,
      knock: knock => inject(encodeSyn(endpointsOf(knock, nic))),
      hangUp: knock => inject(encodeReset(endpointsOf(knock, nic))),
      watch: timeoutMs =>
        tap.receive(timeoutMs).catch(error => {
          throw NoVantage.of(error, 'the tap')
        }),
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

function endpointsOf({ client, clientPort, vip, port, fromMac }: Knock, { mac }: Link): Endpoints {
  return {
    sourceMac: fromMac ?? mac,
    destinationMac: mac,
    sourceIp: client,
    destinationIp: vip,
    sourcePort: clientPort,
    destinationPort: port,
  }
}
