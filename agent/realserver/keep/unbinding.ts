import type { Files } from '../../host/files.ts'
import type { IpAddress } from '../../model/address.ts'
import { familyOf } from '../../model/address.ts'
import type { InterfaceAddress } from '../../model/network.ts'
import { addressForm, addressSetting } from '../../reconcile/found.ts'
import { priorsDuring } from '../../reconcile/plan.ts'
import { REAL_SERVER } from '../../reconcile/role.ts'
import { readState, writeState } from '../../reconcile/state.ts'
import type { Step } from '../../reconcile/step.ts'
import { isRightlyBound } from '../vip-address.ts'

/** Takes every VIP of IPv4 away, wherever it is bound: those of IPv6 are silent by construction. */
export function unbinding(addresses: readonly InterfaceAddress[], vips: ReadonlySet<IpAddress>): Step[] {
  return addresses
    .filter(({ address }) => familyOf(address) === 4 && vips.has(address))
    .map(
      address =>
        ({
          resource: 'vip-bound',
          phase: 'withdraw',
          onRemove: isRightlyBound(address) ? 'put-back' : 'forget',
          change: { ...addressSetting(address), before: addressForm(address), after: null },
        }) as Step,
    )
}

/**
 * A VIP that somebody had bound before rs-agent came has no prior value until it is taken away: remove puts it back. One
 * that the role does not hold was bound by a run that has not come to its end, which remembers it by itself.
 */
export async function rememberUnbound(files: Files, steps: readonly Step[]): Promise<void> {
  const state = readState(files, REAL_SERVER)
  const held = steps.filter(
    ({ change }) => change.kind === 'address' && state.vips.includes(change.id.address),
  )
  const priors = priorsDuring(state.priors, held)
  if (priors.length > state.priors.length) await writeState(files, REAL_SERVER, { ...state, priors })
}
