import { type FoundPool, type ServiceKey, serviceText } from '../model/ipvs.ts'
import { type FoundHost, lookupIn } from '../reconcile/found.ts'
import { isSameValue, keyOf, type Setting } from '../reconcile/setting.ts'
import type { Claim, Prior, Step } from '../reconcile/step.ts'
import type { WantedDirector, WantedPool } from './desired.ts'

/**
 * The kernel's table of virtual services. What differs is edited in place, which keeps connections and counters;
 * real servers are added before others are taken away. Services that the configuration does not name are left alone,
 * unless it says otherwise.
 */
export function poolClaims(wanted: WantedDirector, found: FoundHost, priors: readonly Prior[]): Claim[] {
  const current = lookupIn({ ...found, addresses: [], routes: [], sysctls: {}, files: {} })
  const created = createdServices(priors)
  const unchanged = unchangedServices(priors)
  const byKey = new Map((found.ipvs?.pools ?? []).map(pool => [serviceText(pool.service.key), pool]))
  const wantedKeys = new Set(wanted.pools.map(({ service }) => serviceText(service.key)))
  const others = [...byKey].filter(([key]) => !wantedKeys.has(key)).map(([, pool]) => pool)
  const claims = [
    ...wanted.pools.flatMap(pool =>
      settingsOf(pool).map((setting): Claim => {
        const now = current(setting)
        const satisfied = isSameValue(now, setting.value)
        const isDrift = now === null && unchanged.has(keyOf(setting))
        const onRemove = isDrift ? 'forget' : 'put-back'
        return { resource: 'ipvs-pool', phase: 'serve', wanted: setting, satisfied, onRemove }
      }),
    ),
    ...wanted.pools.flatMap(pool => {
      const present = byKey.get(serviceText(pool.service.key))
      return present === undefined ? [] : strangerClaims(pool, present, created)
    }),
    ...(wanted.otherServices === 'keep'
      ? strayClaims(others, priors)
      : others.flatMap(pool => absenceClaims(pool, created))),
  ]
  return [...claims, ...displacedClaims(wanted, wantedKeys, priors, claims)]
}

/** Real servers that somebody put into a service of ours: they go with it. */
export function strayClaims(pools: readonly FoundPool[], priors: readonly Prior[]): Claim[] {
  const created = createdServices(priors)
  const known = new Set(priors.map(keyOf))
  return pools
    .filter(({ service }) => created.has(serviceKeyText(service.key)))
    .flatMap(pool => absenceClaims(pool, created))
    .filter(({ wanted }) => wanted.kind === 'ipvs-destination' && !known.has(keyOf(wanted)))
}

/**
 * The one edit of a service that clients may notice: the kernel unbinds the old scheduler and waits until no CPU uses
 * it before it binds the new one (ip_vs_edit_service of net/netfilter/ipvs/ip_vs_ctl.c).
 */
export function tellOfNewSchedulers(steps: readonly Step[]): string[] {
  return steps.flatMap(({ change }) => {
    if (change.kind !== 'ipvs-service' || change.before === null || change.after === null) return []
    if (change.before.scheduler === change.after.scheduler) return []
    return [
      `${serviceText(change.id.key)} has no scheduler for some milliseconds while the kernel changes it: open connections stay, new ones are refused`,
    ]
  })
}

/** What is in them and not remembered came after the first apply. */
function createdServices(priors: readonly Prior[]): Set<string> {
  return new Set(
    priors.filter(({ kind, value }) => kind === 'ipvs-service' && value === null).map(prior => keyOf(prior)),
  )
}

/** Those whose real servers an earlier apply changed, but not they themselves: if they are gone, that is drift. */
function unchangedServices(priors: readonly Prior[]): Set<string> {
  const changed = new Set(priors.map(keyOf))
  const services = priors.flatMap(prior =>
    prior.kind === 'ipvs-destination' ? [serviceKeyText(prior.id.key)] : [],
  )
  return new Set(services.filter(service => !changed.has(service)))
}

function serviceKeyText(key: ServiceKey): string {
  return keyOf({ kind: 'ipvs-service', id: { key } })
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
function strangerClaims(wanted: WantedPool, found: FoundPool, created: ReadonlySet<string>): Claim[] {
  const { key } = wanted.service
  return found.destinations
    .filter(
      ({ address, port }) => !wanted.destinations.some(own => own.address === address && own.port === port),
    )
    .map(({ address, port }) =>
      absenceClaim({ kind: 'ipvs-destination', id: { key, address, port } }, created),
    )
}

/** What an earlier apply took away stays away as long as the configuration says so. */
function displacedClaims(
  { otherServices }: WantedDirector,
  wantedKeys: ReadonlySet<string>,
  priors: readonly Prior[],
  claims: readonly Claim[],
): Claim[] {
  const claimed = new Set(claims.map(claim => keyOf(claim.wanted)))
  return priors.flatMap((prior): Claim[] => {
    if ((prior.kind !== 'ipvs-service' && prior.kind !== 'ipvs-destination') || claimed.has(keyOf(prior)))
      return []
    const isOthers = !wantedKeys.has(serviceText(prior.id.key))
    if (isOthers && otherServices === 'keep') return []
    return [{ ...absenceClaim(prior, new Set()), satisfied: true }]
  })
}

/** The real servers one by one: an undo puts them back in the same way. */
function absenceClaims(pool: FoundPool, created: ReadonlySet<string>): Claim[] {
  const { key } = pool.service
  return [
    ...pool.destinations.map(({ address, port }) =>
      absenceClaim({ kind: 'ipvs-destination', id: { key, address, port } }, created),
    ),
    absenceClaim({ kind: 'ipvs-service', id: { key } }, created),
  ]
}

/** In a service that rs-agent made: remove does not bring it back. */
function absenceClaim(setting: TableEntry, created: ReadonlySet<string>): Claim {
  return {
    resource: 'ipvs-pool',
    phase: 'unserve',
    wanted: { ...setting, value: null } as Setting,
    satisfied: false,
    onRemove: created.has(serviceKeyText(setting.id.key)) ? 'forget' : 'put-back',
  }
}

type TableEntry = Pick<Setting & { kind: 'ipvs-service' | 'ipvs-destination' }, 'kind' | 'id'>
