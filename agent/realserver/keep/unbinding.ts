import type { IpAddress } from '../../model/address.ts'
import { familyOf } from '../../model/address.ts'
import type { InterfaceAddress } from '../../model/network.ts'
import { addressForm, addressSetting } from '../../reconcile/found.ts'
import type { Step } from '../../reconcile/step.ts'

/** Takes every VIP of IPv4 away, wherever it is bound: those of IPv6 are silent by construction. */
export function unbinding(addresses: readonly InterfaceAddress[], vips: ReadonlySet<IpAddress>): Step[] {
  return addresses
    .filter(({ address }) => familyOf(address) === 4 && vips.has(address))
    .map(
      address =>
        ({
          resource: 'vip-bound',
          phase: 'withdraw',
          onRemove: 'forget',
          change: { ...addressSetting(address), before: addressForm(address), after: null },
        }) as Step,
    )
}
