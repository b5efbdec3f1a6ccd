/** What a host can be. Each role has a memory of its own, so that one is taken off without the other. */
export interface Role {
  /** For people. */
  title: string
  /** What its commands start with, for hints. */
  command: string
  /** Names of its files in the state folder, without their endings. */
  stateName: string
  journalName: string
  /** The resource whose addresses are this role's VIPs. */
  vipResource: string
}

export const REAL_SERVER: Role = {
  title: 'the real-server role',
  command: 'rs-agent',
  stateName: 'state',
  journalName: 'journal',
  vipResource: 'vip-bound',
}

export const DIRECTOR: Role = {
  title: 'the director role',
  command: 'rs-agent director',
  stateName: 'director',
  journalName: 'director-journal',
  vipResource: 'vip-on-nic',
}

/** The other thing that the host can be, beside this one. */
export function otherRole(role: Role): Role {
  return role === DIRECTOR ? REAL_SERVER : DIRECTOR
}
