/** What a host can be. Each role has a memory of its own, so that one is taken off without the other. */
export interface Role {
  /** What its commands start with, for hints. */
  command: string
  /** Names of its files in the state folder, without their endings. */
  stateName: string
  journalName: string
  /** The resource whose addresses are this role's VIPs. */
  vipResource: string
}

export const REAL_SERVER: Role = {
  command: 'rs-agent',
  stateName: 'state',
  journalName: 'journal',
  vipResource: 'vip-bound',
}

export const DIRECTOR: Role = {
  command: 'rs-agent director',
  stateName: 'director',
  journalName: 'director-journal',
  vipResource: 'vip-on-nic',
}
