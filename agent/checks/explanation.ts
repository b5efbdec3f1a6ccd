/**
 * What a person who is woken by a check wants to know. `$VIP`, `$RIP`, `$NIC` stand for the site's own. Commands can
 * be pasted into a shell: what goes with them is a comment, and so is what has no command (`# let the port in`).
 */
export interface Explanation {
  /** What the check proves, in one sentence. */
  title: string
  /** What happens to clients when it fails, or what unknown means. */
  meaning: string
  /** What brings it about, the most common first. */
  causes: readonly string[]
  /** Commands that show it. */
  show: readonly string[]
  /** Commands that mend it. */
  mend: readonly string[]
}
