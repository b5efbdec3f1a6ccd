import { filesBelow } from '../../agent/host/files.ts'
import type { Host } from '../../agent/host/host.ts'
import type { NetworkEdit } from '../../agent/host/netlink/network.ts'
import type { IpAddress } from '../../agent/model/address.ts'
import type { FoundHost } from '../../agent/reconcile/found.ts'

/**
 * A host in memory that follows the kernel's rules and refuses nonsense: adding what is there, removing
 * what is not, writing a parameter that does not exist. Its files are real, below `root`.
 */
export interface FakeHost extends Host {
  /** What an observer of the whole host would see. */
  snapshot(): Pick<FoundHost, 'addresses' | 'routes' | 'sysctls'>
  /** Moments at which one of the guarded addresses was bound while a NIC was audible. */
  readonly audibleMoments: string[]
  /** Changes made so far. */
  readonly changes: number
  /** The change with this number, counted from 1, throws; before it is made, or right after. */
  failAt(change: number, when: 'before' | 'after'): void
}

export function fakeHost(found: FoundHost, root: string, guarded: readonly IpAddress[]): FakeHost {
  const { links, addresses, routes, sysctls } = structuredClone(found)
  const files = filesBelow(root)
  for (const [path, form] of Object.entries(found.files)) files.write(path, form)
  const audibleMoments: string[] = []
  let changes = 0
  let failure: { at: number; when: 'before' | 'after' } | null = null

  function change(what: string, make: () => void): void {
    changes++
    if (failure?.at === changes && failure.when === 'before') throw new Error(`injected before ${what}`)
    make()
    const bound = addresses.find(({ address }) => guarded.includes(address))
    if (bound !== undefined && isAudible({ links, sysctls, bound: bound.link })) audibleMoments.push(what)
    if (failure?.at === changes && failure.when === 'after') throw new Error(`injected after ${what}`)
  }

  function edit(edit: NetworkEdit): void {
    switch (edit.edit) {
      case 'add-address': {
        if (addresses.some(other => isSameAddress(other, edit.address)))
          throw new Error(`EEXIST ${edit.address.address}`)
        if (!links.some(link => link.name === edit.address.link))
          throw new Error(`ENODEV ${edit.address.link}`)
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

  return {
    audibleMoments,
    get changes() {
      return changes
    },
    failAt: (at, when) => {
      failure = { at: changes + at, when }
    },
    snapshot: () => structuredClone({ addresses: sorted(addresses), routes: sorted(routes), sysctls }),
    network: {
      links: async () => structuredClone(links),
      addresses: async () => structuredClone(addresses),
      routes: async () => structuredClone(routes),
      edit: async edits => {
        for (const one of edits) change(JSON.stringify(one), () => edit(one))
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
      read: path => sysctls[path] ?? null,
      write: (path, value) =>
        change(`${path}=${value}`, () => {
          if (sysctls[path] === undefined) throw new Error(`ENOENT ${path}`)
          sysctls[path] = value
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
    },
    ipvs: async () => null,
    modules: { release: 'fake', isThere: () => true, load: notPartOfThisFake },
    close: () => undefined,
  }
}

/** For what only checks ask: they are proven on a real kernel. */
async function notPartOfThisFake(): Promise<never> {
  throw new Error('not part of this fake')
}

/**
 * By the kernel's rules, written anew here: a test that asked the agent's own functions would share their
 * mistakes. A VIP on a NIC is always audible, one on lo when a NIC's effective values let it be.
 */
function isAudible({
  links,
  sysctls,
  bound,
}: Pick<FoundHost, 'links' | 'sysctls'> & { bound: string }): boolean {
  if (bound !== 'lo') return true
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

function sorted<T>(items: T[]): T[] {
  return items.toSorted((left, right) => (JSON.stringify(left) < JSON.stringify(right) ? -1 : 1))
}
