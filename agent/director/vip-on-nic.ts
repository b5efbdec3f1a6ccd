import { familyOf, hostPrefixLength, type IpAddress } from '../model/address.ts'
import type { AddressForm, InterfaceAddress } from '../model/network.ts'
import { addressSetting, type FoundHost } from '../reconcile/found.ts'
import type { Refusal } from '../reconcile/refusal.ts'
import { keyOf } from '../reconcile/setting.ts'
import type { State } from '../reconcile/state.ts'
import type { Claim } from '../reconcile/step.ts'
import type { WantedDirector } from './desired.ts'

/**
 * A director owns its VIPs in the open: each is on the NIC, alone (/32 or /128), so that the segment hears from this
 * host and no subnet comes with it.
 */
const RT_SCOPE_UNIVERSE = 0
/** Ours the moment it is bound: nobody waits for a test of duplicates while clients wait. */
const IFA_F_NODAD = 0x2

export function vipClaims({ nic, vips, bindsVips }: WantedDirector, found: FoundHost): Claim[] {
  if (!bindsVips) return []
  return vips.map(
    ({ address }): Claim => ({
      resource: 'vip-on-nic',
      phase: 'bind',
      wanted: {
        kind: 'address',
        id: { link: nic, address, prefixLength: hostPrefixLength(address) },
        value: newForm(address, nic),
      },
      satisfied: copiesOf(address, found).some(({ link }) => link === nic),
      onRemove: 'put-back',
    }),
  )
}

/** Where a VIP is that it must not be. */
export function vipRefusals(
  { nic, vips, bindsVips }: WantedDirector,
  found: FoundHost,
  { priors }: Pick<State, 'priors'>,
  realServer: Pick<State, 'vips'>,
): Refusal[] {
  const ours = new Set(priors.map(keyOf))
  return vips.flatMap(({ address, path }): Refusal[] => {
    const copies = copiesOf(address, found)
    const refusal = (why: string, hint: string): Refusal[] => [{ path, why, hint }]
    if (realServer.vips.includes(address))
      return refusal(
        `this host is a real server of ${address}, which it hides: it cannot own it in the open as well`,
        '`rs-agent remove` takes that role off; a director that shall serve pages itself names its own address among the realServers',
      )
    if (!bindsVips) return []
    // Where an earlier configuration wanted it, it goes with this apply.
    const elsewhere = copies.find(copy => copy.link !== nic && !ours.has(keyOf(addressSetting(copy))))
    if (elsewhere !== undefined)
      return refusal(
        `${address} is on ${elsewhere.link} of this host, not on ${nic}`,
        `ip address del ${address}/${elsewhere.prefixLength} dev ${elsewhere.link}`,
      )
    const own = copies.find(copy => isOwnAddress(copy, found))
    if (own !== undefined)
      return refusal(
        `${address} is this host's own address (DIP): a VIP must be another one`,
        `give ${nic} an address of its own, or correct the VIP`,
      )
    return []
  })
}

export function copiesOf(vip: IpAddress, { addresses }: Pick<FoundHost, 'addresses'>): InterfaceAddress[] {
  return addresses.filter(({ address }) => address === vip)
}

/** The one address with a subnet that its NIC has. */
function isOwnAddress({ address, link, prefixLength }: InterfaceAddress, { addresses }: FoundHost): boolean {
  if (prefixLength === hostPrefixLength(address)) return false
  return !addresses.some(
    other =>
      other.link === link &&
      other.address !== address &&
      other.scope === RT_SCOPE_UNIVERSE &&
      familyOf(other.address) === familyOf(address),
  )
}

function newForm(vip: IpAddress, nic: string): AddressForm {
  if (familyOf(vip) === 4) return { label: nic, scope: RT_SCOPE_UNIVERSE, flags: 0 }
  return { scope: RT_SCOPE_UNIVERSE, flags: IFA_F_NODAD }
}
