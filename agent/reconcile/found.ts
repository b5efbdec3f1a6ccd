import type { FileForm } from '../host/files.ts'
import type { Host } from '../host/host.ts'
import type { SysctlPath } from '../host/sysctl.ts'
import type { FoundPool, IpvsTimeouts, SyncDaemon } from '../model/ipvs.ts'
import type { AddressForm, InterfaceAddress, Link, Route, RouteForm } from '../model/network.ts'
import {
  type FoundServing,
  observeServing,
  type ServingInterest,
  settingsOfServing,
} from './found-serving.ts'
import { present } from './present.ts'
import { type Change, keyOf, type Setting } from './setting.ts'

/** What an observation found on the host: plain data, so that a plan can be made from a file as well. */
export interface FoundHost {
  links: Link[]
  addresses: InterfaceAddress[]
  routes: Route[]
  /** Only the parameters that were asked for and exist. */
  sysctls: Record<SysctlPath, string>
  /** Only the files that were asked for and exist. */
  files: Record<string, FileForm>
  /** Absent where nobody asked; null where the kernel has no IPVS, or has not loaded it. */
  ipvs?: FoundIpvs | null
  /** Absent where nobody asked. */
  serving?: FoundServing
}

export interface FoundIpvs {
  pools: FoundPool[]
  timeouts: Partial<IpvsTimeouts>
  daemons: SyncDaemon[]
}

/** What an observation shall read beside links, addresses and routes; the paths may depend on the links. */
export interface Interest {
  sysctls(links: readonly Link[]): SysctlPath[]
  files: string[]
  /** The table of virtual services, with timeouts and sync daemons. */
  ipvs?: true
  serving?: ServingInterest
}

export async function observeHost(host: Host, interest: Interest): Promise<FoundHost> {
  const links = await host.network.links()
  const addresses = await host.network.addresses()
  const routes = await host.network.routes()
  const files = present(interest.files, path => host.files.read(path))
  return {
    links,
    addresses,
    routes,
    sysctls: present(interest.sysctls(links), path => host.sysctl.read(path)),
    files,
    ...(interest.ipvs === true ? { ipvs: await observeIpvs(host) } : {}),
    ...(interest.serving === undefined
      ? {}
      : { serving: await observeServing(host, interest.serving, { links, addresses, files }) }),
  }
}

async function observeIpvs(host: Host): Promise<FoundIpvs | null> {
  const ipvs = await host.ipvs()
  if (ipvs === null) return null
  return { pools: await ipvs.table(), timeouts: await ipvs.timeouts(), daemons: await ipvs.daemons() }
}

/** Finds the value of a setting: null when the host does not have it. */
export type Lookup = (setting: Pick<Setting | Change, 'kind' | 'id'>) => Setting['value']

/** Looks settings up in an observation, in constant time each. */
export function lookupIn(found: FoundHost): Lookup {
  const values = new Map<string, Setting['value']>()
  for (const address of found.addresses) values.set(keyOf(addressSetting(address)), addressForm(address))
  for (const route of found.routes) {
    const { destination, prefixLength, metric } = route
    values.set(keyOf({ kind: 'route', id: { destination, prefixLength, metric } }), routeForm(route))
  }
  for (const [path, value] of Object.entries(found.sysctls))
    values.set(keyOf({ kind: 'sysctl', id: { path } }), value)
  for (const [path, value] of Object.entries(found.files))
    values.set(keyOf({ kind: 'file', id: { path } }), value)
  for (const setting of settingsOfServing(found.serving)) values.set(keyOf(setting), setting.value)
  if (found.ipvs !== undefined && found.ipvs !== null)
    for (const setting of settingsOfIpvs(found.ipvs)) values.set(keyOf(setting), setting.value)
  return setting => values.get(placeOf(setting)) ?? null
}

/** A site is a file that a web server judges, a unit one that systemd reads. */
function placeOf({ kind, id }: Pick<Setting | Change, 'kind' | 'id'>): string {
  const isFile = kind === 'site' || kind === 'unit-file'
  return keyOf(isFile && 'path' in id ? { kind: 'file', id: { path: id.path } } : ({ kind, id } as Setting))
}

export function settingsOfIpvs({ pools, timeouts, daemons }: FoundIpvs): Setting[] {
  return [
    ...pools.flatMap(({ service: { key, traffic: _, ...form }, destinations }): Setting[] => [
      { kind: 'ipvs-service', id: { key }, value: form },
      ...destinations.map((destination): Setting => {
        const { address, port, forwarding, weight, upperThreshold, lowerThreshold } = destination
        const value = { forwarding, weight, upperThreshold, lowerThreshold }
        return { kind: 'ipvs-destination', id: { key, address, port }, value }
      }),
    ]),
    ...Object.entries(timeouts).map(
      ([name, seconds]): Setting => ({
        kind: 'ipvs-timeout',
        id: { name: name as keyof IpvsTimeouts },
        value: String(seconds),
      }),
    ),
    ...daemons.map(({ role, ...form }): Setting => ({ kind: 'sync-daemon', id: { role }, value: form })),
  ]
}

/** An address by its identity. */
export function addressSetting({
  link,
  address,
  prefixLength,
}: InterfaceAddress): Pick<Setting, 'kind' | 'id'> {
  return { kind: 'address', id: { link, address, prefixLength } }
}

export function addressForm({
  link: _,
  address: __,
  prefixLength: ___,
  secondary: ____,
  tentative: _____,
  duplicate: ______,
  leased: _______,
  ...form
}: InterfaceAddress): AddressForm {
  return form
}

function routeForm({ destination: _, prefixLength: __, metric: ___, ...form }: Route): RouteForm {
  return form
}
