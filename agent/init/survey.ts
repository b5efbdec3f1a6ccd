import type { Host } from '../host/host.ts'
import { type IpAddress, isInSubnet, whyNotVip } from '../model/address.ts'
import { arpNics, type InterfaceAddress, type Link, type Route } from '../model/network.ts'
import { arpSysctlPaths, findAudible } from '../realserver/arp-sysctl.ts'
import { LOOPBACK } from '../realserver/vip-address.ts'
import { findTraces } from './find-traces.ts'
import type { Trace } from './trace.ts'

/** What this host has already. */
export interface Survey {
  /** Addresses on lo that clients could reach, each with its prefix length. */
  bound: { address: IpAddress; prefixLength: number; label: string | null }[]
  nics: SurveyedNic[]
  /** In words, the NIC that would answer ARP for a VIP on lo; null when this host is silent. */
  audible: string | null
  traces: Trace[]
  /** Files that could not be looked into, and why. */
  unread: string[]
}

export interface SurveyedNic {
  name: string
  /** With their prefix lengths; not those that only this link knows. */
  addresses: { address: IpAddress; prefixLength: number }[]
  /** It is the way to everywhere else. */
  isDefault: boolean
}

/** Looks, and changes nothing. */
export async function surveyHost({ network, sysctl, files }: Host): Promise<Survey> {
  const [links, addresses, routes] = [
    await network.links(),
    await network.addresses(),
    await network.routes(),
  ]
  const sysctls = Object.fromEntries(
    arpSysctlPaths(links).flatMap(path => {
      const value = sysctl.read(path)
      return value === null ? [] : [[path, value]]
    }),
  )
  return {
    bound: addresses.filter(isBoundVip).map(({ address, prefixLength, label }) => ({
      address,
      prefixLength,
      label: label ?? null,
    })),
    nics: arpNics(links).map(link => surveyNic(link, addresses, routes)),
    audible: findAudible(links, sysctls),
    ...findTraces(files),
  }
}

/** The VIPs that are bound here, or will be at the next boot. */
export function vipsFound({ bound, traces }: Survey): IpAddress[] {
  const named = traces.flatMap(({ means }) => (means.kind === 'binds-vip' ? [means.vip] : []))
  return [...new Set([...bound.map(({ address }) => address), ...named])]
}

/** The NIC on whose segment one of the addresses is, else the one that leads everywhere, else the only one. */
export function nicNear(addresses: readonly IpAddress[], { nics }: Survey): string | null {
  const near = nics.find(nic =>
    nic.addresses.some(({ address, prefixLength }) =>
      addresses.some(other => other !== address && isInSubnet(other, address, prefixLength)),
    ),
  )
  const addressed = nics.filter(nic => nic.addresses.length > 0)
  const only = addressed.length === 1 ? addressed[0] : undefined
  return (near ?? nics.find(nic => nic.isDefault) ?? only)?.name ?? null
}

function isBoundVip({ link, address }: InterfaceAddress): boolean {
  return link === LOOPBACK && whyNotVip(address) === null
}

function surveyNic(
  { name }: Link,
  addresses: readonly InterfaceAddress[],
  routes: readonly Route[],
): SurveyedNic {
  return {
    name,
    addresses: addresses
      .filter(({ link, scope }) => link === name && scope === RT_SCOPE_UNIVERSE)
      .map(({ address, prefixLength }) => ({ address, prefixLength })),
    isDefault: routes.some(({ link, prefixLength }) => link === name && prefixLength === 0),
  }
}

const RT_SCOPE_UNIVERSE = 0
