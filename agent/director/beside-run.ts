import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from '../config/load.ts'
import type { Host } from '../host/host.ts'
import { type WantedDirector, wantedDirector } from './desired.ts'
import { type Rotation, recallRotation } from './rotation.ts'

/** A weight grows once a second at most, and is written down within milliseconds: the second look finds both. */
const LOOKS = 3
const AGAIN_MS = 100

/**
 * What this host shall be, and what `look` finds. A `director run` that lives may change the table between what it has
 * written down and what is found: what differs is looked at again, so that its work is not taken for somebody else's.
 */
export async function lookBesideRun<Found>(
  host: Host,
  config: Config,
  look: (wanted: WantedDirector) => Promise<Found>,
  isAsWanted: (found: Found, wanted: WantedDirector) => boolean,
): Promise<{ rotation: Rotation; wanted: WantedDirector; found: Found }> {
  for (let number = 1; ; number++) {
    const rotation = recallRotation(host.files)
    const wanted = wantedDirector(config, rotation)
    const found = await look(wanted)
    const isAlone = rotation.standings === null
    if (isAlone || number === LOOKS || isAsWanted(found, wanted)) return { rotation, wanted, found }
    await sleep(AGAIN_MS)
  }
}
