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
 * A VIP that is in place already is new to its memory too: a remove that does not know it would make this host loud.
 */
export async function settleNetwork(
  host: Host,
  config: Config,
  wanted: WantedRealServer,
  { except, signal, onFound }: { except: Except; signal: AbortSignal; onFound(found: NetworkDrift): void },
): Promise<Settled> {
  const look = (): Promise<NetworkDrift> => findNetworkDrift(host, config, wanted, except)
  let found = await look()
  onFound(found)
  const { steps, state, interrupted } = found
  if (interrupted === null && isRemembered(steps, state)) {
    if (steps.length > 0) {
      await restore(host, steps, vipInterlock([...new Set([...state.vips, ...wanted.vips])]))
      found = await look()
    }
    if (found.isNoted) return { steps, notes: [], found }
  }
  const watching = { signal, onProgress: () => undefined }
  const { notes } = await convergeNetwork(host, config, wanted, except, watching)
  return { steps, notes, found: await look() }
}
