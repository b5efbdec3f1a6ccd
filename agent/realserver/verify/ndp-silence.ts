import { hasCapability } from '../../host/capabilities.ts'
import { ndpProtocol } from '../../host/vantage/ndp.ts'
import type { IpAddress } from '../../model/address.ts'
import type { Check } from './check.ts'
import { checkSilence } from './silence-check.ts'

/** A link-local address that no host forms of its MAC: the letters of "rs-agent". */
const STRANGER = 'fe80::7273:2d61:6765:6e74' as IpAddress

/** Asked for an IPv6 VIP by neighbour solicitations on any NIC that faces the segment, this host stays silent. */
export const checkNdpSilence: Check = (host, wanted, found) =>
  checkSilence(
    {
      id: 'ndp-silence',
      family: 6,
      // It could not be made forgotten again without the right to.
      strangerOn: () => (hasCapability('CAP_NET_ADMIN') ? STRANGER : null),
      protocolFor: ndpProtocol,
    },
    host,
    wanted,
    found,
  )
