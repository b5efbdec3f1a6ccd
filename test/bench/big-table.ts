import type { IpAddress } from '../../agent/model/address.ts'
import type { Pool } from '../../agent/model/ipvs.ts'

/** 1,000 services with 10 real servers each, by direct routing. */
export function bigTable(): Pool[] {
  return Array.from({ length: 1000 }, (_, service) => ({
    service: {
      key: {
        kind: 'address',
        protocol: 'tcp',
        address: `10.30.${Math.floor(service / 250)}.${1 + (service % 250)}` as IpAddress,
        port: 80,
      },
      scheduler: 'wlc',
      schedulerFlags: [],
      onePacket: false,
      persistence: null,
      persistenceEngine: null,
    },
    destinations: Array.from({ length: 10 }, (_, number) => ({
      address: `10.40.${number}.${1 + (service % 250)}` as IpAddress,
      port: 80,
      forwarding: { method: 'direct-route' },
      weight: 1,
      upperThreshold: 0,
      lowerThreshold: 0,
    })),
  }))
}
