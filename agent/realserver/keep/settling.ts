import type { Config } from '../../config/load.ts'
import type { Host } from '../../host/host.ts'
import { isRemembered, restore } from '../../reconcile/restore.ts'
import type { Step } from '../../reconcile/step.ts'
import type { WantedRealServer } from '../desired.ts'
import { vipInterlock } from '../interlock.ts'
import { convergeNetwork, type Except, findNetworkDrift, type NetworkDrift } from '../network-half.ts'

export interface Settled {
  /** What was put right. */
  steps: Step[]
  notes: string[]
  /** How the host is after it. */
  found: NetworkDrift
}

/**
 * Puts right what is not as wanted of the network half. What rs-agent had set before is set again without a journal;
 * only what is new to its memory is written down first. `onFound` hears how the host was, before anything is changed.
 */
export async function settleNetwork(
  host: Host,
  config: Config,
  wanted: WantedRealServer,
  { except, signal, onFound }: { except: Except; signal: AbortSignal; onFound(found: NetworkDrift): void },
): Promise<Settled> {
  const look = (): Promise<NetworkDrift> => findNetworkDrift(host, config, wanted, except)
  const found = await look()
  onFound(found)
  const { steps, state, interrupted } = found
  if (steps.length === 0 && interrupted === null) return { steps, notes: [], found }
  if (interrupted === null && isRemembered(steps, state)) {
    const vips = [...new Set([...state.vips, ...wanted.vips])]
    await restore(host, steps, vipInterlock(vips))
    return { steps, notes: [], found: await look() }
  }
  const watching = { signal, onProgress: () => undefined }
  const { notes } = await convergeNetwork(host, config, wanted, except, watching)
  return { steps, notes, found: await look() }
}
