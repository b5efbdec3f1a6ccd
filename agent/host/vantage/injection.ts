import { hasErrno, messageOf } from '../../errors.ts'
import type { Link } from '../../model/network.ts'
import { ClsInjector, TapDevice, XdpInjector } from '../native.ts'
import type { Network } from '../netlink/network.ts'
import { isRefused } from '../netlink/rejection.ts'

/**
 * Hands this host's stack a frame as if it had arrived on a NIC. Sending one does not do that: it leaves the
 * host and its own stack never sees it. All of it vanishes with the process.
 */
export interface Injector {
  /** False when the NIC did not take the frame. */
  inject(frame: Buffer): boolean
  close(): void
}

/**
 * Why a NIC cannot be asked or watched: this process has not the right to, the kernel or the NIC refuses it, or the
 * question went out and came to nothing.
 */
export type Obstacle = 'missing-capability' | 'refused' | 'unanswered'

export class NoVantage extends Error {
  override name = 'NoVantage'
  readonly obstacle: Obstacle

  constructor(obstacle: Obstacle, message: string) {
    super(message)
    this.obstacle = obstacle
  }

  /** Of an error of the kernel's. */
  static of(error: unknown, what: string): NoVantage {
    const isMissing = hasErrno(error, 'EPERM', 'EACCES') || isRefused(error, 'EPERM', 'EACCES')
    return new NoVantage(isMissing ? 'missing-capability' : 'refused', `${what}: ${messageOf(error)}`)
  }
}

/** The injection methods, the one that disturbs least first; each is refused by some kernels or rights. */
export const INJECTION_METHODS = ['cls', 'xdp', 'mirred'] as const
export type InjectionMethod = (typeof INJECTION_METHODS)[number]

/** Throws NoVantage where this kernel, NIC or these rights refuse the method. */
export async function openInjector(nic: Link, method: InjectionMethod, network: Network): Promise<Injector> {
  try {
    const injector = await open(nic, method, network)
    return {
      inject: frame => refusedAs(method, () => injector.inject(frame)),
      close: () => injector.close(),
    }
  } catch (error) {
    throw NoVantage.of(error, method)
  }
}

/**
 * Works from the first method that is not refused; every refusal is told when none is left. `work` may throw
 * NoVantage too, when frames did not arrive by that method.
 */
export async function byFirstMethod<T>(work: (method: InjectionMethod) => Promise<T>): Promise<T> {
  const refusals: NoVantage[] = []
  for (const method of INJECTION_METHODS)
    try {
      return await work(method)
    } catch (error) {
      if (!(error instanceof NoVantage)) throw error
      refusals.push(error)
    }
  const messages = new Set(refusals.map(({ message }) => message))
  throw new NoVantage(decisive(refusals), [...messages].join('; '))
}

/** With a method that worked and brought no answer, more rights would not help; else they might. */
function decisive(refusals: readonly NoVantage[]): Obstacle {
  const obstacles = refusals.map(({ obstacle }) => obstacle)
  const order = ['unanswered', 'missing-capability', 'refused'] as const
  return order.find(obstacle => obstacles.includes(obstacle)) ?? 'refused'
}

/** What `open` throws becomes the reason why there is no vantage. */
export function refusedAs<T>(what: string, open: () => T): T {
  try {
    return open()
  } catch (error) {
    throw NoVantage.of(error, what)
  }
}

async function open(nic: Link, method: InjectionMethod, network: Network): Promise<Injector> {
  switch (method) {
    case 'cls':
      return new ClsInjector(nic.index)
    case 'xdp':
      return new XdpInjector(nic.index)
    case 'mirred':
      return openMirred(nic, network)
    default:
      return method satisfies never
  }
}

/** A TAP device of our own whose arrivals go on as the NIC's; nothing is attached to the NIC itself. */
async function openMirred(nic: Link, network: Network): Promise<Injector> {
  const device = new TapDevice('rs-agent%d')
  try {
    await network.redirectArrivals(device.ifindex, nic)
  } catch (error) {
    device.close()
    throw error
  }
  return {
    inject: frame => {
      device.write(frame)
      return true
    },
    close: () => device.close(),
  }
}
