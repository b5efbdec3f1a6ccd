import type { FileForm } from '../host/files.ts'
import type { SysctlPath } from '../host/sysctl.ts'
import type { WebServerForm } from '../host/web-servers.ts'
import type { IpAddress } from '../model/address.ts'
import type { WebServerName } from '../model/distribution.ts'
import type { Destination, IpvsTimeouts, ServiceKey, SyncDaemon, VirtualService } from '../model/ipvs.ts'
import type { MountForm } from '../model/mount.ts'
import type { AddressForm, RouteForm } from '../model/network.ts'

/** The kinds of things on a host that rs-agent sets: how each is identified, and what it holds. */
interface Kinds {
  sysctl: { id: { path: SysctlPath }; value: string }
  address: { id: { link: string; address: IpAddress; prefixLength: number }; value: AddressForm }
  route: { id: { destination: IpAddress; prefixLength: number; metric: number }; value: RouteForm }
  file: { id: { path: string }; value: FileForm }
  /** A part of a web server's configuration: the server judges it as soon as it is written. */
  site: { id: { server: WebServerName; path: string }; value: FileForm }
  /** systemd reads it as soon as it is written. */
  'unit-file': { id: { path: string }; value: FileForm }
  /** A folder that something is mounted on; it is removed only while it is empty. */
  folder: { id: { path: string }; value: 'there' }
  mount: { id: { target: string }; value: MountForm }
  /** The line of fstab(5) for a target. */
  'fstab-line': { id: { target: string }; value: string }
  /** Whether a unit is started at boot. */
  'boot-unit': { id: { name: string }; value: 'enabled' }
  'web-server': { id: { server: WebServerName }; value: WebServerForm }
  'ipvs-service': { id: { key: ServiceKey }; value: ServiceForm }
  /** Of the service that `key` names. */
  'ipvs-destination': { id: { key: ServiceKey; address: IpAddress; port: number }; value: DestinationForm }
  /** Whole seconds, in digits. */
  'ipvs-timeout': { id: { name: keyof IpvsTimeouts }; value: string }
  'sync-daemon': { id: { role: SyncDaemon['role'] }; value: SyncDaemonForm }
}

export type ServiceForm = Omit<VirtualService, 'key'>
export type DestinationForm = Omit<Destination, 'address' | 'port'>
export type SyncDaemonForm = Omit<SyncDaemon, 'role'>

export type SettingKind = keyof Kinds

/** One thing on the host, by identity; `null` stands for its absence wherever a value is expected. */
export type SettingId = { [K in SettingKind]: { kind: K } & Kinds[K]['id'] }[SettingKind]

/** A setting with the value it has, had or shall have. */
export type Setting = {
  [K in SettingKind]: { kind: K; id: Kinds[K]['id']; value: Kinds[K]['value'] | null }
}[SettingKind]

/** A setting on its way from one value to another; undone by going the other way. */
export type Change = {
  [K in SettingKind]: {
    kind: K
    id: Kinds[K]['id']
    before: Kinds[K]['value'] | null
    after: Kinds[K]['value'] | null
  }
}[SettingKind]

/** Text that is alike for two settings exactly when they are the same thing on the host. */
export function keyOf({ kind, id }: Pick<Setting | Change, 'kind' | 'id'>): string {
  const words = Object.values(id).flatMap(part => (typeof part === 'object' ? Object.values(part) : [part]))
  return `${kind} ${words.join(' ')}`
}

/** Whether two values are alike; the order of their fields does not matter. */
export function isSameValue(left: Setting['value'], right: Setting['value']): boolean {
  if (left === null || right === null || typeof left === 'string' || typeof right === 'string')
    return left === right
  return JSON.stringify(left, sorted) === JSON.stringify(right, sorted)
}

function sorted(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}
