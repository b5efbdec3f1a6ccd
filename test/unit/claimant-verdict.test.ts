import { describe, expect, it } from 'vitest'
import type { IpAddress } from '../../agent/model/address.ts'
import { type Evidence, judgeClaimant } from '../../agent/realserver/keep/claimant-verdict.ts'
import type { Claimant, Role } from '../../agent/segment/owners.ts'

const [VIP, DIRECTOR, STANDBY, SIBLING, OTHER] = [100, 11, 12, 13, 40].map(
  last => `10.10.10.${last}` as IpAddress,
) as [IpAddress, IpAddress, IpAddress, IpAddress, IpAddress]
const MAC = '02:00:00:00:07:00'

const answer = (role: Role, ...addresses: IpAddress[]): Claimant => ({
  mac: MAC,
  role,
  addresses,
  latencyMs: 1,
  answers: 3,
})

/** Everybody is there, and nobody has the MAC, but for what is told. */
function judge(told: Partial<Evidence> & { answers?: Claimant[]; alive?: IpAddress[] } = {}) {
  const { answers = [], alive = [DIRECTOR, STANDBY], ...rest } = told
  const survey = { claimants: new Map([[VIP, answers]]), alive: new Set(alive) }
  const evidence = { mac: MAC, survey, directors: [DIRECTOR, STANDBY], siblings: [SIBLING] }
  return judgeClaimant({ ...evidence, neighbours: [], isPersistent: false, ...rest })
}

const neighbour = (address: IpAddress) => ({ address, link: 'eth0', mac: MAC, state: 2, proxy: false })

describe('who claims a VIP', () => {
  it('is a director, by its answer or by what the neighbour table knew', () => {
    expect(judge({ answers: [answer('director', DIRECTOR)] })).toEqual({ kind: 'rightful' })
    expect(judge({ neighbours: [neighbour(STANDBY)] })).toEqual({ kind: 'rightful' })
  })

  it('is a sibling, even where no director is known', () => {
    const foreign = { kind: 'foreign', who: `sibling ${SIBLING}` }
    expect(judge({ answers: [answer('sibling', SIBLING)] })).toEqual(foreign)
    expect(judge({ answers: [answer('sibling', SIBLING)], directors: [] })).toEqual(foreign)
    expect(judge({ neighbours: [neighbour(SIBLING)], directors: [] })).toEqual(foreign)
  })

  it('is a stranger, by its address where that is known', () => {
    expect(judge()).toEqual({ kind: 'foreign', who: null })
    const foreign = { kind: 'foreign', who: `stranger ${OTHER}` }
    expect(judge({ neighbours: [neighbour(OTHER)] })).toEqual(foreign)
    expect(judge({ answers: [answer('stranger', OTHER)], alive: [] })).toEqual(foreign)
  })

  it('may be a director that is silent, unless it answers or claims again', () => {
    expect(judge({ alive: [DIRECTOR] })).toEqual({ kind: 'unsettled' })
    expect(judge({ alive: [DIRECTOR], isPersistent: true })).toEqual({ kind: 'foreign', who: null })
    expect(judge({ alive: [DIRECTOR], answers: [answer('stranger')] })).toEqual({
      kind: 'foreign',
      who: null,
    })
  })

  it('is nobody’s concern where no director is known', () => {
    expect(judge({ directors: [], alive: [] })).toEqual({ kind: 'rightful' })
  })

  it('may be this host', () => {
    expect(judge({ answers: [answer('this host')] })).toEqual({ kind: 'this host' })
  })
})
