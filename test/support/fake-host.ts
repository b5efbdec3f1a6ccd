import { cpSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { filesBelow } from '../../agent/host/files.ts'
import type { Host } from '../../agent/host/host.ts'
import type { NetworkEdit } from '../../agent/host/netlink/network.ts'
import type { IpAddress } from '../../agent/model/address.ts'
import type { FoundHost, FoundIpvs } from '../../agent/reconcile/found.ts'
import { fakeIpvs } from './fake-ipvs.ts'
import { type FakeServing, fakeServing, NOTHING_SERVED } from './fake-serving.ts'

/**
 * A host in memory that follows the kernel's rules and refuses nonsense: adding what is there, removing
 * what is not, writing a parameter that does not exist. Its files are real, below `root`.
 */
export interface FakeHost extends Host {
  /** What an observer of the whole host would see. */
  snapshot(): Snapshot
  /** Moments at which a hidden address was bound while a NIC was audible. */
  readonly audibleMoments: string[]
  /** Changes that left a served address on a NIC without a service in the table. */
  readonly unservedMoments: string[]
  /** Changes made so far. */
  readonly changes: number
  /** The change with this number, counted from 1, throws; before it is made, or right after. */
  failAt(change: number, when: 'before' | 'after'): void
  /** The process is gone at that change: `revive` forgets what it did afterwards. */
  killAt(change: number, when: 'before' | 'after'): void
  /** A new process finds the host as the killed one left it; false when none was killed. */
  revive(): boolean
  /** Something that others did. */
  meddle(work: (kernel: Kernel) => void): void
}

/** What the kernel holds. */
export type Kernel = Pick<FoundHost, 'links' | 'addresses' | 'routes' | 'sysctls'> & {
  ipvs: FoundIpvs | null
  serving: FakeServing
}

type Snapshot = Omit<Kernel, 'links'>

/** VIPs that must never be heard, and VIPs that must never be there without a service. */
export interface Guarded {
  hidden?: readonly IpAddress[]
  served?: readonly IpAddress[]
}

/** A folder for a fake host's files; in memory where that can be, because each write is flushed to the disk. */
export async function onFakeHost(
  found: FoundHost,
  guarded: Guarded,
  work: (host: FakeHost) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'rs-agent-fake-'))
  const root = join(folder, 'root')
  mkdirSync(root)
  try {
    await work(fakeHost(found, root, guarded))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function fakeHost(found: FoundHost, root: string, { hidden = [], served = [] }: Guarded): FakeHost {
  const { links, addresses, routes, sysctls, ipvs = null } = structuredClone(found)
  const automounts = found.serving?.init !== 'systemd without automounts'
  const serving = { ...structuredClone(NOTHING_SERVED), automounts }
  let kernel: Kernel = { links, addresses, routes, sysctls, ipvs, serving }
  const files = filesBelow(root)
  for (const [path, form] of Object.entries(found.files)) files.write(path, form)
  const audibleMoments: string[] = []
  const unservedMoments: string[] = []
  let changes = 0
  let fault: { at: number; when: 'before' | 'after'; kind: 'failure' | 'kill' } | null = null
  let left: { kernel: Kernel; files: string } | null = null

  function strike(when: 'before' | 'after', what: string): void {
    if (fault?.at !== changes || fault.when !== when) return
    if (fault.kind === 'kill') {
      left = { kernel: structuredClone(kernel), files: `${root}.left` }
      cpSync(root, left.files, { recursive: true })
    }
    throw new Error(`injected ${when} ${what}`)
  }

  function change(what: string, make: () => void): void {
    changes++
    strike('before', what)
    const unservedBefore = findUnserved(kernel, served)
    make()
    const bound = kernel.addresses.find(({ address }) => hidden.includes(address))
    if (bound !== undefined && isAudible(kernel, bound.link)) audibleMoments.push(what)
    if (findUnserved(kernel, served).some(vip => !unservedBefore.includes(vip))) unservedMoments.push(what)
    strike('after', what)
  }

  const watched = fakeIpvs(() => ({ found: kernel.ipvs as FoundIpvs, links: kernel.links }), change)
  return {
    audibleMoments,
    unservedMoments,
    get changes() {
      return changes
    },
    failAt: (at, when) => {
      fault = { at: changes + at, when, kind: 'failure' }
    },
    killAt: (at, when) => {
      fault = { at: changes + at, when, kind: 'kill' }
    },
    revive() {
      fault = null
      if (left === null) return false
      kernel = left.kernel
      rmSync(root, { recursive: true })
      renameSync(left.files, root)
      left = null
      return true
    },
    meddle: work => work(kernel),
    snapshot: () => snapshotOf(kernel),
    network: {
      links: async () => structuredClone(kernel.links),
      addresses: async () => structuredClone(kernel.addresses),
      routes: async () => structuredClone(kernel.routes),
      edit: async edits => {
        for (const one of edits) change(JSON.stringify(one), () => makeEdit(kernel, one))
      },
      lookUpRoute: notPartOfThisFake,
      rules: notPartOfThisFake,
      neighbours: notPartOfThisFake,
      askNeighbour: notPartOfThisFake,
      tcFilters: notPartOfThisFake,
      forgetNeighbour: async () => undefined,
      redirectArrivals: async () => undefined,
      close: () => undefined,
    },
    netfilter: {
      openArpRequestTrap: notPartOfThisFake,
      arpFilters: notPartOfThisFake,
      packetFilters: notPartOfThisFake,
    },
    sysctl: {
      read: path => kernel.sysctls[path] ?? null,
      write: (path, value) =>
        change(`${path}=${value}`, () => {
          if (kernel.sysctls[path] === undefined) throw new Error(`ENOENT ${path}`)
          kernel.sysctls[path] = value
        }),
    },
    files: {
      ...files,
      write: (path, form) => {
        if (path.startsWith('var/')) files.write(path, form)
        else change(`write ${path}`, () => files.write(path, form))
      },
      remove: path => {
        if (path.startsWith('var/')) files.remove(path)
        else change(`remove ${path}`, () => files.remove(path))
      },
      makeFolder: path => change(`make ${path}`, () => files.makeFolder(path)),
      removeFolder: path => change(`remove folder ${path}`, () => files.removeFolder(path)),
    },
    ipvs: async () => (kernel.ipvs === null ? null : watched),
    ...fakeServing(() => kernel.serving, files, change),
    ...(found.serving?.init === 'none' ? { initSystem: null } : {}),
    modules: { release: 'fake', isThere: () => true, load: notPartOfThisFake },
    close: () => undefined,
  }
}

function makeEdit({ links, addresses, routes }: Kernel, edit: NetworkEdit): void {
  switch (edit.edit) {
    case 'add-address': {
      if (addresses.some(other => isSameAddress(other, edit.address)))
        throw new Error(`EEXIST ${edit.address.address}`)
      if (!links.some(link => link.name === edit.address.link)) throw new Error(`ENODEV ${edit.address.link}`)
      addresses.push({ ...edit.address, secondary: false })
      break
    }
    case 'delete-address': {
      const index = addresses.findIndex(other => isSameAddress(other, edit.address))
      if (index === -1) throw new Error(`EADDRNOTAVAIL ${edit.address.address}`)
      addresses.splice(index, 1)
      break
    }
    case 'add-route':
    case 'replace-route':
    case 'delete-route': {
      const index = routes.findIndex(
        ({ destination, prefixLength, metric }) =>
          destination === edit.route.destination &&
          prefixLength === edit.route.prefixLength &&
          metric === edit.route.metric,
      )
      if (edit.edit === 'add-route' && index !== -1) throw new Error(`EEXIST ${edit.route.destination}`)
      if (edit.edit !== 'add-route' && index === -1) throw new Error(`ESRCH ${edit.route.destination}`)
      if (index !== -1) routes.splice(index, 1)
      if (edit.edit !== 'delete-route') routes.push(edit.route)
      break
    }
    default:
      edit satisfies never
  }
}

/** For what only checks ask: they are proven on a real kernel. */
async function notPartOfThisFake(): Promise<never> {
  throw new Error('not part of this fake')
}

/** Served VIPs on a NIC for which the table has no service: this host itself would refuse who comes. */
function findUnserved({ addresses, ipvs }: Kernel, served: readonly IpAddress[]): IpAddress[] {
  const keys = ipvs?.pools.map(({ service }) => service.key) ?? []
  if (keys.some(({ kind }) => kind === 'firewallMark')) return []
  return served.filter(
    vip =>
      addresses.some(({ address, link }) => address === vip && link !== 'lo') &&
      !keys.some(key => key.kind === 'address' && key.address === vip),
  )
}

/**
 * By the kernel's rules, written anew here: a test that asked the agent's own functions would share their
 * mistakes. A VIP on a NIC is always audible, one on lo when a NIC's effective values let it be.
 */
function isAudible({ links, sysctls }: Kernel, boundTo: string): boolean {
  if (boundTo !== 'lo') return true
  const effective = (nic: string, name: string): number =>
    Math.max(Number(sysctls[`net/ipv4/conf/all/${name}`]), Number(sysctls[`net/ipv4/conf/${nic}/${name}`]))
  return links
    .filter(({ name }) => name !== 'lo')
    .some(
      ({ name }) =>
        ![1, 2, 8].includes(effective(name, 'arp_ignore')) || effective(name, 'arp_announce') !== 2,
    )
}

type AddressIdentity = Pick<FoundHost['addresses'][number], 'link' | 'address' | 'prefixLength'>

function isSameAddress(left: AddressIdentity, right: AddressIdentity): boolean {
  return (
    left.link === right.link && left.address === right.address && left.prefixLength === right.prefixLength
  )
}

/** In an order of its own: the kernel's tells who came last. */
function snapshotOf({ links: _, ...kernel }: Kernel): Snapshot {
  const { addresses, routes, sysctls, ipvs, serving } = structuredClone(kernel)
  const pools = ipvs?.pools.map(pool => ({ ...pool, destinations: sorted(pool.destinations) })) ?? []
  return {
    addresses: sorted(addresses),
    routes: sorted(routes),
    sysctls,
    serving: { ...serving, bootUnits: sorted(serving.bootUnits) },
    ipvs: ipvs && { ...ipvs, pools: sorted(pools), daemons: sorted(ipvs.daemons) },
  }
}

function sorted<T>(items: T[]): T[] {
  return items.toSorted((left, right) => (textOf(left) < textOf(right) ? -1 : 1))
}

/** The same for two things that are alike, whatever the order of their fields. */
function textOf(item: unknown): string {
  return JSON.stringify(item, (_, value) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  )
}
