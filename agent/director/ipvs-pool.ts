import type { FoundPool } from '../model/ipvs.ts'
import { serviceText } from '../model/ipvs.ts'
import { type FoundHost, lookupIn, settingsOfIpvs } from '../reconcile/found.ts'
import { isSameValue, keyOf, type Setting } from '../reconcile/setting.ts'
import type { Claim, Prior } from '../reconcile/step.ts'
import type { WantedDirector, WantedPool } from './desired.ts'

/**
 * The kernel's table of virtual services. What differs is edited in place, which keeps connections and counters;
 * real servers are added before others are taken away. Services that the configuration does not name are left alone,
 * unless it says otherwise.
 */
export function poolClaims(wanted: WantedDirector, found: FoundHost, priors: readonly Prior[]): Claim[] {
  const current = lookupIn({ ...found, addresses: [], routes: [], sysctls: {}, files: {} })
  const managed = new Set(priors.map(keyOf))
  const byKey = new Map((found.ipvs?.pools ?? []).map(pool => [serviceText(pool.service.key), pool]))
  const wantedKeys = new Set(wanted.pools.map(({ service }) => serviceText(service.key)))
  const others = wanted.otherServices === 'keep' ? [] : [...byKey].filter(([key]) => !wantedKeys.has(key))
  return [
    ...wanted.pools.flatMap(pool =>
      settingsOf(pool).map((setting): Claim => {
        const satisfied = isSameValue(current(setting), setting.value)
        return { resource: 'ipvs-pool', phase: 'serve', wanted: setting, satisfied, onRemove: 'put-back' }
      }),
    ),
    ...wanted.pools.flatMap(pool => {
      const present = byKey.get(serviceText(pool.service.key))
      return present === undefined ? [] : strangerClaims(pool, present, managed)
    }),
    ...others.flatMap(([, pool]) => absenceClaims(pool, managed)),
  ]
}

function settingsOf({ service: { key, ...form }, destinations }: WantedPool): Setting[] {
  return [
    { kind: 'ipvs-service', id: { key }, value: form },
    ...destinations.map(
      ({ address, port, ...value }): Setting => ({
        kind: 'ipvs-destination',
        id: { key, address, port },
        value,
      }),
    ),
  ]
}

/** A service that the configuration names is as it says, with no other real servers. */
function strangerClaims(wanted: WantedPool, found: FoundPool, managed: ReadonlySet<string>): Claim[] {
  const { key } = wanted.service
  return found.destinations
    .filter(
      ({ address, port }) => !wanted.destinations.some(own => own.address === address && own.port === port),
    )
    .map(({ address, port }) =>
      absenceClaim({ kind: 'ipvs-destination', id: { key, address, port } }, managed),
    )
}

/** The real servers one by one: an undo puts them back in the same way. */
function absenceClaims(pool: FoundPool, managed: ReadonlySet<string>): Claim[] {
  return settingsOfIpvs({ pools: [pool], timeouts: {}, daemons: [] })
    .toReversed()
    .map(setting => absenceClaim(setting, managed))
}

/** What came after the first apply is drift: remove does not bring it back. */
function absenceClaim(setting: Pick<Setting, 'kind' | 'id'>, managed: ReadonlySet<string>): Claim {
  const service = { kind: 'ipvs-service', id: { key: (setting.id as { key: unknown }).key } } as Setting
  const isDrift = managed.has(keyOf(service)) && !managed.has(keyOf(setting as Setting))
  return {
    resource: 'ipvs-pool',
    phase: 'unserve',
    wanted: { ...setting, value: null } as Setting,
    satisfied: false,
    onRemove: isDrift ? 'forget' : 'put-back',
  }
}
