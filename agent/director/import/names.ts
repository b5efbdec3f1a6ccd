import type { AddressFamily, IpAddress } from '../../model/address.ts'
import type { Protocol } from '../../model/ipvs.ts'

/** Names that a file has where IPVS has numbers. Each answers null for a name that nobody knows. */
export interface Names {
  address(name: string, family: AddressFamily): IpAddress | null
  /** Without a protocol: of any. */
  port(name: string, protocol: Protocol | null): number | null
}

/** One host name that a file has, and the family that it is asked in. */
export interface AskedName {
  name: string
  family: AddressFamily
}

/**
 * Answers from the text of /etc/services and from addresses that were resolved; `asked` hears of every host name, so
 * that a first reading tells which are to be resolved for the second.
 */
export function namesFrom(
  services: string,
  resolved: ReadonlyMap<string, IpAddress>,
  asked: (name: AskedName) => void,
): Names {
  const ports = portsOf(services)
  return {
    address(name, family) {
      asked({ name, family })
      return resolved.get(nameKey({ name, family })) ?? null
    },
    port(name, protocol) {
      if (protocol !== null) return ports.get(`${name}/${protocol}`) ?? null
      return ports.get(`${name}/tcp`) ?? ports.get(`${name}/udp`) ?? ports.get(`${name}/sctp`) ?? null
    },
  }
}

export function nameKey({ name, family }: AskedName): string {
  return `${name} ${family}`
}

/** `http/tcp` -> 80, aliases too (services(5)); the first of a name counts. */
function portsOf(services: string): Map<string, number> {
  const ports = new Map<string, number>()
  for (const line of services.split('\n')) {
    const [name, port, ...aliases] = line.replace(/#.*/, '').split(/\s+/).filter(Boolean)
    const [, digits, protocol] = /^([0-9]+)\/(\w+)$/.exec(port ?? '') ?? []
    if (name === undefined || digits === undefined) continue
    for (const each of [name, ...aliases])
      if (!ports.has(`${each}/${protocol}`)) ports.set(`${each}/${protocol}`, Number(digits))
  }
  return ports
}
