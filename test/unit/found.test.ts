import { expect, it } from 'vitest'
import type { IpAddress } from '../../agent/model/address.ts'
import type { InterfaceAddress } from '../../agent/model/network.ts'
import { lookupIn } from '../../agent/reconcile/found.ts'

const VIP: InterfaceAddress = {
  link: 'lo',
  address: '2001:db8::100' as IpAddress,
  prefixLength: 128,
  scope: 0,
  flags: 0,
  secondary: false,
}

it('compares addresses without what only the kernel decides', () => {
  const formOf = (address: InterfaceAddress) =>
    lookupIn({ links: [], addresses: [address], routes: [], sysctls: {}, files: {} })({
      kind: 'address',
      id: { link: VIP.link, address: VIP.address, prefixLength: VIP.prefixLength },
    })
  expect(formOf({ ...VIP, tentative: true, duplicate: true, secondary: true })).toEqual(formOf(VIP))
})
