import type { Phase } from './order.ts'
import type { Change, Setting } from './setting.ts'

/** One change of the host, as data: it can be printed, kept in the journal, and undone. */
export interface Step {
  /** The resource that wants it, by the id that plan and verify print. */
  resource: string
  phase: Phase
  change: Change
  onRemove: OnRemove
}

/**
 * What remove makes of the value found now: puts it back; only tells of it, because it would be audible (a
 * VIP on a NIC); or forgets it, because it was drift of something that rs-agent already managed.
 */
export type OnRemove = 'put-back' | 'tell' | 'forget'

/** What a resource has to say of one setting: how it shall be, and whether it already is good as it is. */
export type Claim = {
  resource: string
  phase: Phase
  wanted: Setting
  satisfied: boolean
  onRemove: OnRemove
}

/** The value that a setting had before the first apply touched it: what remove goes back to. */
export type Prior = Setting & {
  resource: string
  onRemove: Exclude<OnRemove, 'forget'>
  /** Of a mount: what rs-agent has mounted there since. */
  sources?: readonly string[]
}

/** The change that takes a setting from the value it has to the one it shall have. */
export function changeTo(wanted: Setting, before: Setting['value']): Change {
  return { kind: wanted.kind, id: wanted.id, before, after: wanted.value } as Change
}
