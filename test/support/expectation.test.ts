import { expect, test } from 'vitest'
import { type Expectation, mismatches } from './expectation.ts'
import type { Check } from './rs-agent.ts'

function check(id: string, subject: string, verdict: Check['verdict'], evidence = 'seen'): Check {
  return { id, subject, verdict, evidence, hint: verdict === 'pass' ? '' : 'do this' }
}

const passing = check('arp-silence', 'VIP on eth0', 'pass')
const failing = check('arp-silence', 'VIP on eth1', 'fail', 'it answered')

const cases: [
  name: string,
  checks: Check[],
  verdict: 'pass' | 'fail' | 'unknown',
  expected: Expectation,
  found: string[],
][] = [
  ['nothing where all pass', [passing], 'pass', {}, []],
  [
    'nothing where the one that is named fails',
    [passing, failing],
    'fail',
    { fail: { 'arp-silence VIP on eth1': /answered/ } },
    [],
  ],
  [
    'a failure that was not expected',
    [failing],
    'fail',
    {},
    [
      'arp-silence VIP on eth1: pass expected, but fail: it answered',
      'pass and exit code 0 expected, but fail and 2',
    ],
  ],
  [
    'one that passes and should fail, where the id stands for all',
    [passing, failing],
    'fail',
    { fail: { 'arp-silence': /./ } },
    ['arp-silence VIP on eth0: fail expected, but pass: seen'],
  ],
  [
    'other evidence',
    [failing],
    'fail',
    { fail: { 'arp-silence': /no carrier/ } },
    ['arp-silence VIP on eth1: /no carrier/ expected in its evidence: fail: it answered'],
  ],
  [
    'a result that is missing',
    [check('vip-bound', 'VIP', 'pass')],
    'pass',
    { pass: { 'arp-silence VIP on eth9': /./ } },
    [
      'arp-silence: no result',
      'vip-bound VIP: not expected at all',
      'arp-silence VIP on eth9: expected, and no such result',
    ],
  ],
  [
    'a failure without a hint',
    [{ ...failing, hint: '' }],
    'fail',
    { fail: { 'arp-silence': /./ } },
    ['arp-silence VIP on eth1: fail: it answered, and no hint'],
  ],
]

test.for(cases)('finds %s', ([, checks, verdict, expected, found]) => {
  const exitCode = { pass: 0, fail: 2, unknown: 3 }[verdict]
  expect(mismatches({ verdict, durationMs: 1, checks, exitCode }, expected, ['arp-silence'])).toEqual(found)
})
