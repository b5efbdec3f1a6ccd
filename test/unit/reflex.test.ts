import { expect, it } from 'vitest'
import type { NetworkChange } from '../../agent/host/netlink/network-monitor.ts'
import { type IpAddress, parseIpAddress } from '../../agent/model/address.ts'
import type { InterfaceAddress, Link } from '../../agent/model/network.ts'
import { concerns, reflexTo } from '../../agent/realserver/keep/reflex.ts'
import { vipRoute } from '../../agent/realserver/vip-route.ts'

const VIP = parseIpAddress('10.10.10.100') as IpAddress
const VIP6 = parseIpAddress('2001:db8::100') as IpAddress
const OTHER = parseIpAddress('10.10.10.12') as IpAddress
const VIPS = new Set([VIP, VIP6])

const address = (link: string, address: IpAddress, prefixLength: number): InterfaceAddress => ({
  link,
  address,
  prefixLength,
  label: `${link}:3`,
  scope: 0,
  flags: 128,
  secondary: false,
})
const of = (kind: 'address-gone' | 'address-added', which: InterfaceAddress): NetworkChange => ({
  kind,
  address: which,
  linkIndex: 1,
})
const routeOf = (kind: 'route-gone' | 'route-added', vip: IpAddress, changed: object = {}): NetworkChange => {
  const { id, value } = vipRoute(vip)
  return { kind, route: { ...id, ...value, ...changed } } as NetworkChange
}

const summary = (change: NetworkChange): string[] =>
  reflexTo(change, VIPS).map(({ phase, change: { kind, before, after } }) =>
    [phase, kind, before === null ? 'makes' : after === null ? 'takes away' : 'replaces'].join(' '),
  )

it.each<[what: string, change: NetworkChange, calls: string[], concerns: boolean]>([
  [
    'a VIP that has gone',
    of('address-gone', address('lo', VIP, 32)),
    ['bind address makes', 'bind route replaces'],
    true,
  ],
  [
    'one of IPv6',
    of('address-gone', address('lo', VIP6, 128)),
    ['bind address makes', 'bind route replaces'],
    true,
  ],
  ['a copy of it that has gone from a NIC', of('address-gone', address('eth0', VIP, 32)), [], true],
  ['a wider one that has gone', of('address-gone', address('lo', VIP, 24)), [], true],
  ['another address that has gone from lo', of('address-gone', address('lo', OTHER, 32)), [], false],
  ['another address of a NIC', of('address-added', address('eth0', OTHER, 24)), [], true],
  ['a copy on a NIC', of('address-added', address('eth0', VIP, 32)), ['withdraw address takes away'], true],
  ['a wider one on lo', of('address-added', address('lo', VIP, 24)), ['unbind address takes away'], true],
  ['a VIP that is bound as it is to be', of('address-added', address('lo', VIP, 32)), [], true],
  ['its host route that has gone', routeOf('route-gone', VIP), ['route route makes'], true],
  ['a host route out of a NIC that has gone', routeOf('route-gone', VIP, { link: 'eth0' }), [], true],
  ['one of another metric that has gone', routeOf('route-gone', VIP6, { metric: 256 }), [], true],
  ['a host route that is added', routeOf('route-added', VIP, { link: 'eth0' }), [], true],
  ['a host route of somebody else', routeOf('route-gone', OTHER), [], false],
  ['a link', { kind: 'link-changed', link: {} as Link }, [], true],
])('to %s', (_, change, calls, isConcerned) => {
  expect(summary(change)).toEqual(calls)
  expect(concerns(change, VIPS)).toBe(isConcerned)
})

it('binds a VIP with the label that it had', () => {
  const [step] = reflexTo(of('address-gone', address('lo', VIP, 32)), VIPS)
  expect(step?.change).toMatchObject({
    kind: 'address',
    id: { link: 'lo', address: VIP, prefixLength: 32 },
    after: { label: 'lo:3', scope: 0, flags: 128 },
  })
})
