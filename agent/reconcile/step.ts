import type { Phase } from './order.ts'
import type { Change, Setting } from './setting.ts'

/** One change of the host, as data: it can be printed, kept in the journal, and undone. */
export interface Step {
  /** The resource that wants it, by the id that plan and verify print. */
  resource: string
  phase: Phase
  change: Change
  /**
   * False when the value found now shall never come back on remove: a VIP on a NIC, which would be
   * audible, or drift of something that rs-agent already manages.
   */
  keepFound: boolean
}

/** What a resource has to say of one setting: how it shall be, and whether it already is good as it is. */
export type Claim = {
  resource: string
  phase: Phase
  wanted: Setting
  satisfied: boolean
  keepFound: boolean
}

/** The value that a setting had before the first apply touched it: what remove goes back to. */
export type Prior = Setting & { resource: string }

/** The change that takes a setting from the value it has to the one it shall have. */
export function changeTo(wanted: Setting, before: Setting['value']): Change {
  return { kind: wanted.kind, id: wanted.id, before, after: wanted.value } as Change
}
