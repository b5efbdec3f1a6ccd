import type { FileForm } from '../host/files.ts'
import type { Host } from '../host/host.ts'
import type { SysctlPath } from '../host/sysctl.ts'
import type { AddressForm, InterfaceAddress, Link, Route, RouteForm } from '../model/network.ts'
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
}

/** What an observation shall read beside links, addresses and routes; the paths may depend on the links. */
export interface Interest {
  sysctls(links: readonly Link[]): SysctlPath[]
  files: string[]
}

export async function observeHost(host: Host, interest: Interest): Promise<FoundHost> {
  const links = await host.network.links()
  const addresses = await host.network.addresses()
  const routes = await host.network.routes()
  return {
    links,
    addresses,
    routes,
    sysctls: present(interest.sysctls(links), path => host.sysctl.read(path)),
    files: present(interest.files, path => host.files.read(path)),
  }
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
  return setting => values.get(keyOf(setting)) ?? null
}

function present<T>(paths: readonly string[], read: (path: string) => T | null): Record<string, T> {
  const values: Record<string, T> = {}
  for (const path of paths) {
    const value = read(path)
    if (value !== null) values[path] = value
  }
  return values
}

function addressSetting({ link, address, prefixLength }: InterfaceAddress): Pick<Setting, 'kind' | 'id'> {
  return { kind: 'address', id: { link, address, prefixLength } }
}

function addressForm({
  link: _,
  address: __,
  prefixLength: ___,
  secondary: ____,
  tentative: _____,
  duplicate: ______,
  ...form
}: InterfaceAddress): AddressForm {
  return form
}

function routeForm({ destination: _, prefixLength: __, metric: ___, ...form }: Route): RouteForm {
  return form
}
