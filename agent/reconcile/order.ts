/**
 * The order of every apply and remove, with the reason of each place in it. Undo goes through the same
 * steps backwards, so what must come first when it is made comes last when it is taken back.
 */
export const PHASES = [
  /** First of all: a bound VIP that is audible for one millisecond steals the director's traffic. */
  'silence',
  /** Before the VIP, so that a power cut after the bind boots into a silent host. */
  'persist',
  /** A director's table before its VIP: clients that come to a VIP without a service are refused. */
  'serve',
  /** A VIP on a NIC answers whatever the sysctls say: it goes before anything else becomes slow or fails. */
  'withdraw',
  /** Only now; the interlock has read the effective value of every NIC back from the kernel. */
  'bind',
  /** After the bind: the kernel refuses a host route through an address that it does not have. */
  'route',
  /** Taking back starts with the route, the reverse of making. */
  'unroute',
  /** After the right prefix is bound, so that a wrong one is replaced without a gap. */
  'unbind',
  /** Nobody comes to the VIP any more, and what replaces a real server is there already. */
  'unserve',
  /** Only when no VIP of ours is bound any more may the next boot be loud again, ... */
  'forget',
  /** ... and only then this one. */
  'restore',
  /** What was there before the first apply, once all of ours is gone. */
  'put-back',
] as const

export type Phase = (typeof PHASES)[number]

/** For people: what a phase does, while it is under way. */
export const PHASE_TITLES: Record<Phase, string> = {
  silence: 'setting the sysctls',
  persist: 'making them last over a reboot',
  withdraw: 'taking the VIP off the NICs',
  serve: 'filling the table of virtual services',
  bind: 'binding the VIP',
  route: 'adding the host route',
  unroute: 'removing the host route',
  unbind: 'unbinding the VIP',
  unserve: 'clearing the table of virtual services',
  forget: 'restoring the settings of the next boot',
  restore: 'restoring the sysctls',
  'put-back': 'putting back what was there before',
}

export function phaseRank(phase: Phase): number {
  return PHASES.indexOf(phase)
}
