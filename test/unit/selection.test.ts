import { describe, expect, it } from 'vitest'
import {
  parseCheckId as parseIdOf,
  type Selection,
  selectChecks as selectOf,
} from '../../agent/checks/selection.ts'
import { CHECK_IDS as DIRECTOR_CHECK_IDS } from '../../agent/director/verify/check.ts'
import { REPERTOIRE } from '../../agent/director/verify/checks.ts'
import { AgentError } from '../../agent/errors.ts'
import { CHECK_IDS, type CheckId } from '../../agent/realserver/verify/check.ts'
import { CHECKS_ON_THE_WIRE } from '../../agent/realserver/verify/checks.ts'

const selectChecks = (selection: Selection) =>
  selectOf({ ids: CHECK_IDS, onTheWire: CHECKS_ON_THE_WIRE }, selection)
const parseCheckId = (text: string, where: string) => parseIdOf(CHECK_IDS, text, where)
const madeBy = (selection: Selection): string[] => selectChecks(selection).ids
const without = (...ids: CheckId[]): CheckId[] => CHECK_IDS.filter(id => !ids.includes(id))

describe('selectChecks', () => {
  it('takes every check when nothing is said', () => {
    const { ids, leftOut } = selectChecks({ offline: false })
    expect(ids).toEqual(CHECK_IDS)
    expect(leftOut).toEqual([])
  })

  it.each<[Selection, readonly CheckId[]]>([
    [{ only: 'vip-bound' }, ['vip-bound']],
    [{ only: 'datapath , vip-bound,datapath' }, ['vip-bound', 'datapath']],
    [{ skip: 'vip-bound,datapath' }, without('vip-bound', 'datapath')],
    [{ only: 'vip-bound,datapath', skip: 'datapath' }, ['vip-bound']],
    [{ offline: true }, without(...CHECKS_ON_THE_WIRE)],
    [{ only: 'rp-filter,datapath', offline: true }, ['rp-filter']],
  ])('%j', (selection, expected) => expect(madeBy(selection)).toEqual(expected))

  it('gives one result for each check, made or left out', () => {
    const { ids: made, leftOut } = selectChecks({
      only: 'vip-bound,vip-owner',
      skip: 'vip-route',
      offline: true,
    })
    const ids = [...made, ...leftOut.map(({ id }) => id)]
    expect(ids.toSorted()).toEqual(CHECK_IDS.toSorted())
    for (const { verdict, evidence } of leftOut) expect([verdict, evidence]).not.toContain('')
    expect(leftOut.find(({ id }) => id === 'vip-owner')?.evidence).toContain('--offline')
    expect(leftOut.find(({ id }) => id === 'vip-route')?.evidence).toContain('--only')
  })

  it.each<[Selection, string]>([
    [{ only: '' }, '--only names no check'],
    [{ skip: '  ' }, '--skip names no check'],
    [{ skip: 'vip-bound,' }, '--skip vip-bound,: a name is missing'],
    [{ only: 'vip-bound', skip: 'vip-bound' }, 'the options leave no check to run'],
    [{ skip: CHECK_IDS.join(',') }, 'the options leave no check to run'],
  ])('refuses %j', (selection, message) => {
    expect(() => selectChecks(selection)).toThrow(
      expect.objectContaining({ code: 'usage', message: expect.stringContaining(message) }),
    )
  })
})

describe('parseCheckId', () => {
  it.each(CHECK_IDS)('knows %s', id => expect(parseCheckId(id, 'explain')).toBe(id))

  it.each([
    ['arp-silent', 'arp-silence'],
    ['ndp-silent', 'ndp-silence'],
    ['data-path', 'datapath'],
    ['rp_filter', 'rp-filter'],
  ])('names for %s the nearest', (text, nearest) => {
    try {
      parseCheckId(text, '--only')
    } catch (error) {
      expect(error).toBeInstanceOf(AgentError)
      expect((error as AgentError).message).toContain(`the nearest is ${nearest}`)
      return
    }
    expect.unreachable()
  })
})

describe('of a director', () => {
  const chosen = (selection: Selection): string[] => selectOf(REPERTOIRE, selection).ids
  const local = ['ipvs-pool', 'vip-on-nic', 'send-redirects', 'arp-announce', 'sync-daemon']

  it.each<[Selection, readonly string[]]>([
    [{}, DIRECTOR_CHECK_IDS],
    [{ offline: true }, local],
    [{ only: 'sync-daemon,ipvs-pool' }, ['ipvs-pool', 'sync-daemon']],
    [{ only: 'real-server-path,vip-on-nic', offline: true }, ['vip-on-nic']],
    [{ skip: local.join(',') }, ['real-server-arp', 'real-server-path']],
  ])('%j', (selection, expected) => expect(chosen(selection)).toEqual(expected))

  it.each<[Selection, string]>([
    [{ only: 'vip-bound' }, '--only: there is no check "vip-bound"; the nearest is vip-on-nic'],
    [{ skip: 'ipvs' }, '--skip: there is no check "ipvs"; the nearest is ipvs-pool'],
    [{ only: 'real-server-arp', offline: true }, 'the options leave no check to run'],
  ])('refuses %j', (selection, message) => expect(() => chosen(selection)).toThrow(message))

  it('tells what was left out, and why', () => {
    const { leftOut } = selectOf(REPERTOIRE, { skip: 'ipvs-pool', offline: true })
    expect(leftOut.map(({ id, verdict, evidence }) => [id, verdict, evidence])).toEqual([
      ['ipvs-pool', 'skipped', 'left out by --skip'],
      ['real-server-arp', 'skipped', 'left out by --offline: it puts frames on the wire'],
      ['real-server-path', 'skipped', 'left out by --offline: it puts frames on the wire'],
    ])
  })
})
