/**
 * The order of every apply and remove, with the reason of each place in it. Undo goes through the same
 * steps backwards, so what must come first when it is made comes last when it is taken back.
 */
export const PHASES = [
  /** Slow, and what most often fails: nothing of the network is touched before it is done. */
  'install',
  /** First of all: a bound VIP that is audible for one millisecond steals the director's traffic. */
  'silence',
  /** Before the VIP, so that a power cut after the bind boots into a silent host. */
  'persist',
  /** Files of the web server and of the mounts: judged before anybody can come, and used further down. */
  'configure',
  /** Before the server that reads from it: of an empty folder it would serve that nothing is there. */
  'mount',
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
  /** One web server gives its ports up before another takes them, ... */
  'stop',
  /** ... which binds to the VIP, and so needs it: last of all that is made, and clients find it ready or not there. */
  'start',
  /** Nothing reads from it any more. */
  'unmount',
  'unconfigure',
  /** Only when no VIP of ours is bound any more may the next boot be loud again, ... */
  'forget',
  /** ... and only then this one. */
  'restore',
  /** What was there before the first apply, once all of ours is gone. */
  'put-back',
  /** A web server that was here before reads its configuration without our site. */
  'resume',
] as const

export type Phase = (typeof PHASES)[number]

/** For people: what a phase does, while it is under way. */
export const PHASE_TITLES: Record<Phase, string> = {
  install: 'installing packages',
  silence: 'setting the sysctls',
  persist: 'making them last over a reboot',
  configure: 'writing configuration',
  mount: 'mounting',
  withdraw: 'taking the VIP off the NICs',
  serve: 'filling the table of virtual services',
  bind: 'binding the VIP',
  route: 'adding the host route',
  unroute: 'removing the host route',
  unbind: 'unbinding the VIP',
  unserve: 'clearing the table of virtual services',
  stop: 'stopping the web server',
  start: 'starting the web server',
  unmount: 'unmounting',
  unconfigure: 'removing configuration',
  forget: 'restoring the settings of the next boot',
  restore: 'restoring the sysctls',
  'put-back': 'putting back what was there before',
  resume: 'reloading the web server',
}

export function phaseRank(phase: Phase): number {
  return PHASES.indexOf(phase)
}
