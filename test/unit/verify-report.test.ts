import { expect, it } from 'vitest'
import type { CheckResult, Verdict } from '../../agent/checks/result.ts'
import type { Terminal } from '../../agent/report/terminal.ts'
import { printChecks } from '../../agent/report/verify.ts'

function printed(...checks: [id: string, verdict: Verdict][]): string[] {
  const lines: string[] = []
  const terminal: Pick<Terminal, 'line' | 'style'> = {
    line: (text = '') => void lines.push(text),
    style: (_, text) => text,
  }
  const results = checks.map(([id, verdict], index): CheckResult => {
    const hint = verdict === 'pass' || verdict === 'skipped' ? '' : 'mend it'
    return { id, subject: `subject ${index}`, verdict, evidence: 'seen', hint }
  })
  printChecks(terminal as Terminal, results)
  return lines
}

it('names a check once for all of its subjects when all of them passed', () => {
  expect(printed(['vip-bound', 'pass'], ['vip-bound', 'pass'], ['vip-route', 'pass'])).toEqual([
    '  ok      vip-bound, vip-route',
  ])
})

it('does not call a check ok of which another subject failed, or is not known', () => {
  const lines = printed(
    ['real-server-arp', 'pass'],
    ['real-server-arp', 'unknown'],
    ['real-server-path', 'pass'],
    ['real-server-path', 'pass'],
    ['real-server-path', 'fail'],
    ['vip-on-nic', 'fail'],
  )
  expect(lines.at(-1)).toBe('  ok      real-server-arp (1 of 2), real-server-path (2 of 3)')
})

it('does not count what was skipped', () => {
  expect(
    printed(['real-server-path', 'pass'], ['real-server-path', 'skipped'], ['ipvs-pool', 'skipped']),
  ).toEqual(['  ok      real-server-path'])
})
