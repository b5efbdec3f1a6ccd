import { familyOf, hostPrefixLength, type IpAddress, isInSubnet } from '../model/address.ts'
import type { AddressForm, InterfaceAddress } from '../model/network.ts'
import type { FoundHost } from '../reconcile/found.ts'
import type { Refusal } from '../reconcile/refusal.ts'
import { keyOf, type Setting } from '../reconcile/setting.ts'
import type { State } from '../reconcile/state.ts'
import type { Claim, Prior } from '../reconcile/step.ts'
import type { WantedRealServer } from './desired.ts'
import { vipPath } from './refusal.ts'

/**
 * Each VIP is bound to lo, alone: /32 or /128. A shorter prefix on lo makes its whole subnet local, and the
 * hosts of that subnet unreachable; a copy on a NIC answers ARP whatever the sysctls say.
 */
export const LOOPBACK = 'lo'

const RT_SCOPE_UNIVERSE = 0
const RTPROT_KERNEL = 2
const IFA_F_NODAD = 0x2

export function vipAddressClaims(
  wanted: WantedRealServer,
  found: FoundHost,
  { vips: managed, priors }: State,
): Claim[] {
  if (wanted.drain === 'withdrawn') return withdrawnClaims(wanted, found, priors)
  const labels = freeLabels(found.addresses)
  const byAddress = Map.groupBy(found.addresses, ({ address }) => address)
  const claims = wanted.vips.flatMap(vip => {
    const copies = byAddress.get(vip) ?? []
    const right = copies.find(copy => isRightlyBound(copy))
    const strays = copies.filter(copy => copy !== right)
    return [
      boundClaim(vip, right ?? newForm(vip, labels), right !== undefined),
      ...strays.map(stray => strayClaim(stray, { isDrift: managed.includes(vip) })),
    ]
  })
  return [...claims, ...displacedClaims(wanted, priors, claims)]
}

/** Drained for longer: no VIP anywhere, until it comes back to where it was. */
function withdrawnClaims(wanted: WantedRealServer, found: FoundHost, priors: readonly Prior[]): Claim[] {
  const claims = found.addresses
    .filter(({ address }) => wanted.vips.includes(address))
    .map(copy => strayClaim(copy, { isDrift: false }))
  return [...claims, ...displacedClaims(wanted, priors, claims)]
}

/** Copies that an earlier apply took away stay away as long as the VIP is wanted. */
function displacedClaims(
  wanted: WantedRealServer,
  priors: readonly Prior[],
  claims: readonly Claim[],
): Claim[] {
  const claimed = new Set(claims.map(claim => keyOf(claim.wanted)))
  return priors.flatMap(prior => {
    if (prior.kind !== 'address' || !wanted.vips.includes(prior.id.address) || claimed.has(keyOf(prior)))
      return []
    return [{ ...strayClaim(prior.id, { isDrift: true }), satisfied: true }]
  })
}

/** Copies of a VIP that cannot be taken away without cutting the host off. */
export function vipAddressRefusals(wanted: WantedRealServer, found: FoundHost): Refusal[] {
  const paths = new Map(wanted.vips.map((vip, index) => [vip, vipPath(index)]))
  return found.addresses.flatMap(copy => {
    const path = paths.get(copy.address)
    return path === undefined || isRightlyBound(copy) ? [] : refusalOf(copy, found, path)
  })
}

/** Anywhere, and in whatever form. */
export function isBound(vip: IpAddress, { addresses }: Pick<FoundHost, 'addresses'>): boolean {
  return addresses.some(({ address }) => address === vip)
}

/** On lo, and alone. */
export function isRightlyBound({
  link,
  address,
  prefixLength,
}: Pick<InterfaceAddress, 'link' | 'address' | 'prefixLength'>): boolean {
  return link === LOOPBACK && prefixLength === hostPrefixLength(address)
}

function boundClaim(vip: IpAddress, form: AddressForm, satisfied: boolean): Claim {
  const wanted: Setting = {
    kind: 'address',
    id: { link: LOOPBACK, address: vip, prefixLength: hostPrefixLength(vip) },
    value: form,
  }
  return { resource: 'vip-bound', phase: 'bind', wanted, satisfied, onRemove: 'put-back' }
}

function strayClaim(
  { link, address, prefixLength }: Pick<InterfaceAddress, 'link' | 'address' | 'prefixLength'>,
  { isDrift }: { isDrift: boolean },
): Claim {
  const onLoopback = link === LOOPBACK
  return {
    resource: 'vip-bound',
    phase: onLoopback ? 'unbind' : 'withdraw',
    wanted: { kind: 'address', id: { link, address, prefixLength }, value: null },
    satisfied: false,
    onRemove: isDrift ? 'forget' : onLoopback ? 'put-back' : 'tell',
  }
}

/** lo:0, lo:1, …: the numbers that no address on lo has yet. */
function* freeLabels(addresses: readonly InterfaceAddress[]): Generator<string, never> {
  const taken = new Set(addresses.map(address => address.label))
  for (let number = 0; ; number++) {
    const label = `${LOOPBACK}:${number}`
    if (!taken.has(label)) yield label
  }
}

function newForm(vip: IpAddress, labels: Generator<string, never>): AddressForm {
  if (familyOf(vip) === 4) return { label: labels.next().value, scope: RT_SCOPE_UNIVERSE, flags: 0 }
  // lo detects no duplicates anyway; with the flag the kernel never reports the VIP as tentative.
  return { scope: RT_SCOPE_UNIVERSE, flags: IFA_F_NODAD }
}

function refusalOf(copy: InterfaceAddress, found: FoundHost, path: Refusal['path']): Refusal[] {
  const { address, prefixLength, link } = copy
  const inSubnet = found.addresses.filter(
    other =>
      other !== copy &&
      other.link === link &&
      other.prefixLength === prefixLength &&
      isInSubnet(other.address, address, prefixLength),
  )
  const where = `${address}/${prefixLength} on ${link}`
  const dependants = copy.secondary ? [] : inSubnet.filter(other => other.secondary)
  if (dependants.length > 0 && !promotesSecondaries(link, found))
    return [
      {
        path,
        why: `${where} is the primary address of its subnet: without it the kernel would drop ${dependants.map(other => other.address).join(', ')} too`,
        hint: `sysctl -w net/ipv4/conf/${link}/promote_secondaries=1, then run this again`,
      },
    ]
  const dependent = routesThatNeed(copy, found)
  if (dependent.length > 0)
    return [
      {
        path,
        why: `${where} is the source of the route to ${dependent.join(', ')}, which the kernel would drop with it`,
        hint: `give that route another source (\`ip route replace ... src\`), then run this again`,
      },
    ]
  if (link === LOOPBACK || !isOnlyAddress(copy, found)) return []
  return [
    {
      path,
      why: `${where} is this host's own address (RIP): a VIP must be another one`,
      hint: `give ${link} an address of its own, or correct the VIP in the configuration`,
    },
  ]
}

/** Without another one the NIC would be cut off, whatever the prefix: clouds hand out /32, DHCPv6 /128. */
function isOnlyAddress(copy: InterfaceAddress, { addresses }: FoundHost): boolean {
  const isOther = (other: InterfaceAddress): boolean =>
    other !== copy &&
    other.link === copy.link &&
    other.scope === RT_SCOPE_UNIVERSE &&
    other.address !== copy.address &&
    familyOf(other.address) === familyOf(copy.address)
  return !addresses.some(isOther)
}

/** Destinations whose routes name the address as their source; the kernel's own came with the address. */
function routesThatNeed({ address }: InterfaceAddress, { routes }: FoundHost): string[] {
  return routes
    .filter(({ source, protocol }) => source === address && protocol !== RTPROT_KERNEL)
    .map(({ destination, prefixLength }) =>
      prefixLength === 0 ? 'default' : `${destination}/${prefixLength}`,
    )
}

/** The kernel keeps the secondaries when `all` or the interface says so. */
function promotesSecondaries(link: string, found: FoundHost): boolean {
  return ['all', link].some(scope => found.sysctls[promotePath(scope)] === '1')
}

export function promotePath(scope: string): string {
  return `net/ipv4/conf/${scope}/promote_secondaries`
}
