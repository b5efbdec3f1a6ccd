import type { Row, Site } from './fault-row.ts'
import { IPV4 } from './neighbourhood.ts'

type Fault = NonNullable<Row['fault']>

/** `ip` commands on the real server, without the word ip. */
export function ip(...commands: string[]): Fault {
  return ({ server }: Site) => server.namespace.ip(...commands)
}

/** One value for every path below /proc/sys/net of the real server. */
export function sysctl(value: number, ...paths: string[]): Fault {
  return ({ server }: Site) => server.namespace.writeSysctl(paths, value)
}

/** The same sysctl of `all` and of the NICs. */
export function arpSysctl(name: string, value: number, nics: readonly string[] = ['eth0']): Fault {
  return sysctl(value, ...['all', ...nics].map(nic => `ipv4/conf/${nic}/${name}`))
}

/** The IPv4 VIP, bound as `ip address add VIP/32 dev lo scope host` does it. */
export const withHostScope = ip(`addr del ${IPV4.vip}/32 dev lo`, `addr add ${IPV4.vip}/32 dev lo scope host`)

/** Rules in the language of nft(8). */
export function nft(ruleset: string): Fault {
  return ({ server }: Site) => server.run('nft', ['-f', '-'], { input: ruleset })
}

/** One after the other. */
export function inTurn(...faults: Fault[]): Fault {
  return async site => {
    for (const fault of faults) await fault(site)
  }
}
