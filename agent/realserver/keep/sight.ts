/** What somebody who watches does not see, and since the last time that it was told. Pure. */

export interface Gap {
  /** Null when nothing at all is seen. */
  nic: string | null
  why: string
}

export type SightEvent = ({ kind: 'blind' } & Gap) | { kind: 'seeing' }

export interface Sight {
  /** Lasts until it is mended; the same gap twice is told once. */
  lose(what: string, gap: Gap): void
  mend(what: string): void
  /** What is to be told by now: each gap, even one that is over, and that everything is seen. */
  take(): SightEvent[]
}

/** `sources`: what is to be mended before everything is seen for the first time. */
export function openSight(sources: readonly string[]): Sight {
  const lost = new Map<string, string>(sources.map(source => [source, '']))
  const untold: Gap[] = []
  let owesSeeing = true
  return {
    lose(what, gap) {
      if (lost.get(what) === gap.why) return
      lost.set(what, gap.why)
      if (untold.length < MAX_UNTOLD) untold.push(gap)
      owesSeeing = true
    },
    mend(what) {
      lost.delete(what)
    },
    take() {
      const events: SightEvent[] = untold.splice(0).map(gap => ({ kind: 'blind', ...gap }))
      if (lost.size > 0 || !owesSeeing) return events
      owesSeeing = false
      return [...events, { kind: 'seeing' }]
    },
  }
}

/** A NIC may flap while nobody listens. */
const MAX_UNTOLD = 64
