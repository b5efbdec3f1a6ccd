import { expect, it } from 'vitest'
import { type IpAddress, parseIpAddress } from '../../agent/model/address.ts'
import { type Protocol, type ServiceKey, serviceText, type VirtualService } from '../../agent/model/ipvs.ts'
import { inReadingOrder } from '../../agent/model/ipvs-order.ts'

const ip = (text: string): IpAddress => parseIpAddress(text) ?? expect.fail(`${text} is no address`)
const at = (address: string, port: number, protocol: Protocol = 'tcp'): ServiceKey => ({
  ...{ kind: 'address', protocol, address: ip(address), port },
})
const mark = (number: number, family: 4 | 6): ServiceKey => ({ kind: 'firewallMark', mark: number, family })
const poolOf = (key: ServiceKey, rips: string[] = []) => ({
  service: { key, scheduler: 'rr' } as VirtualService,
  destinations: rips.map(rip => ({
    ...{ address: ip(rip), port: 80, forwarding: { method: 'direct-route' as const } },
    ...{ weight: 1, upperThreshold: 0, lowerThreshold: 0 },
  })),
})

it('is by address, port and protocol, marks last, as numbers and not as text', () => {
  const keys = [
    at('9.0.0.1', 443),
    at('10.0.0.9', 53),
    at('10.0.0.9', 53, 'udp'),
    at('10.0.0.9', 1000),
    at('10.0.0.10', 80),
    at('2001:db8::9', 80),
    at('2001:db8::10', 80),
    mark(2, 4),
    mark(2, 6),
    mark(10, 4),
  ]
  const shuffled = [9, 3, 0, 7, 5, 1, 8, 4, 2, 6].map(index => poolOf(keys[index] as ServiceKey))
  const texts = inReadingOrder(shuffled).map(({ service }) => serviceText(service.key))
  expect(texts).toEqual(keys.map(serviceText))
})

it('is by address among real servers, and leaves what it was given as it is', () => {
  const given = [poolOf(at('10.0.0.9', 80), ['10.0.0.13', '10.0.0.2', '10.0.0.12'])]
  const [pool] = inReadingOrder(given)
  expect(pool?.destinations.map(({ address }) => address)).toEqual(['10.0.0.2', '10.0.0.12', '10.0.0.13'])
  expect(given[0]?.destinations[0]?.address).toBe('10.0.0.13')
})
