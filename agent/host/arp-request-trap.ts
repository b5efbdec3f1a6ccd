import type { IpAddress } from '../model/address.ts'
import type { Obstacle } from './vantage/injection.ts'

/**
 * Holds back this host's own ARP requests for one address, and counts by whom they would have been. The kernel
 * removes the trap with the process, however that ends; before Linux 5.12 the next trap does.
 */
export interface ArpRequestTrap {
  /** Requests so far; of the others the sender was none of those that were named. */
  counts(): Promise<{ bySender: Map<IpAddress, number>; others: number }>
  /** Lets the requests pass again. */
  close(): Promise<void>
}

/** Why no trap can be laid: the rights, or what the kernel lacks. */
export class NoTrap extends Error {
  override name = 'NoTrap'
  readonly obstacle: Extract<Obstacle, 'missing-capability' | 'refused'>

  constructor(obstacle: NoTrap['obstacle'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.obstacle = obstacle
  }
}
