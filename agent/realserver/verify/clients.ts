import type { Host } from '../../host/host.ts'
import {
  addressBytes,
  addressFromBytes,
  familyOf,
  firstAddress,
  hostPrefixLength,
  type IpAddress,
  type IpNetwork,
  isInSubnet,
} from '../../model/address.ts'
import { type Link, type RouteAnswer, RTN_UNICAST } from '../../model/network.ts'
import type { FoundHost } from '../../reconcile/found.ts'
import type { WantedRealServer } from '../desired.ts'
import { isBound } from '../vip-address.ts'
import { FARAWAY_CLIENTS, isOnLink } from './strangers.ts'

/** Addresses that stand for the clients of a VIP: their way in and out is what a check follows. */

export interface TestClient {
  address: IpAddress
  /** Chosen because the configuration names no clients: no real one may come from there. */
  isGuess: boolean
  /** As evidence names it: `a client at 192.0.2.78`. */
  name: string
}

/** One for each network that the configuration names, or one for all; none when none would be answered. */
export async function chooseClients(
  host: Host,
  wanted: WantedRealServer,
  found: FoundHost,
  vip: IpAddress,
  nic: Link,
): Promise<TestClient[]> {
  const family = familyOf(vip)
  const networks = wanted.clients.filter(({ address }) => familyOf(address) === family)
  const chosen =
    networks.length === 0
      ? [await farawayClient(host, found, vip, nic)]
      : await Promise.all(
          networks.map(network =>
            network.prefixLength === 0
              ? farawayClient(host, found, vip, nic)
              : clientIn(network, wanted, found),
          ),
        )
  const addresses = new Set(chosen.filter(address => address !== null))
  return [...addresses].map(address =>
    testClient(address, { isGuess: FARAWAY_CLIENTS[family].includes(address) }),
  )
}

function testClient(address: IpAddress, { isGuess }: Pick<TestClient, 'isGuess'>): TestClient {
  return { address, isGuess, name: `a client at ${address}` }
}

/** Null without a default route: where clients are is then not to be guessed. */
async function farawayClient(
  host: Host,
  found: FoundHost,
  vip: IpAddress,
  nic: Link,
): Promise<IpAddress | null> {
  const leavingBy = isVrfPort(nic, found) ? nic.master : undefined
  for (const address of FARAWAY_CLIENTS[familyOf(vip)]) {
    if (isOnLink(address, found)) continue
    const route = await host.network.lookUpRoute({
      destination: address,
      ...(leavingBy === undefined ? {} : { leavingBy }),
    })
    if (route.kind === 'route' && route.type === RTN_UNICAST) return address
  }
  return null
}

function clientIn(network: IpNetwork, wanted: WantedRealServer, found: FoundHost): IpAddress | null {
  const { address, prefixLength } = network
  if (prefixLength === hostPrefixLength(address)) return address
  const candidate = inside(network)
  if (!isOnLink(candidate, found)) return candidate
  const known = [...wanted.directors, ...wanted.siblings]
  return known.find(other => isInSubnet(other, address, prefixLength)) ?? null
}

/** An address in the middle of nowhere: the 77th, or the first one of a small network. */
function inside({ address, prefixLength }: IpNetwork): IpAddress {
  const bytes = addressBytes(firstAddress(address, prefixLength))
  const last = bytes.length - 1
  bytes[last] = (bytes[last] ?? 0) + (hostPrefixLength(address) - prefixLength >= 7 ? 77 : 1)
  return addressFromBytes(bytes)
}

/** A connection of a client to a VIP, by the NIC that the director's frames come in. */
export interface Connection {
  nic: Link
  client: IpAddress
  clientPort: number
  vip: IpAddress
  /** Undefined where the configuration names none: rules that look at ports are then not asked. */
  port: number | undefined
}

/** How the kernel takes what the client sends. */
export function arrivalOf(
  host: Host,
  { nic, client, clientPort, vip, port }: Connection,
): Promise<RouteAnswer> {
  return host.network.lookUpRoute({
    destination: vip,
    source: client,
    arrivingOn: nic.index,
    ...(port === undefined ? {} : { ports: { source: clientPort, destination: port } }),
  })
}

/** Where the kernel would send what the VIP answers. */
export function departureOf(
  host: Host,
  found: FoundHost,
  { nic, client, clientPort, vip, port }: Connection,
): Promise<RouteAnswer> {
  return host.network.lookUpRoute({
    destination: client,
    ...(port === undefined ? {} : { ports: { source: port, destination: clientPort } }),
    // The kernel refuses a source that is not its own.
    ...(isBound(vip, found) ? { source: vip } : {}),
    ...(isVrfPort(nic, found) && nic.master !== undefined ? { leavingBy: nic.master } : {}),
  })
}

export function isVrfPort({ master }: Link, { links }: FoundHost): boolean {
  return links.some(({ index, kind }) => index === master && kind === 'vrf')
}
