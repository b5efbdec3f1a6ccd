import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { rememberVerify } from '../../agent/checks/last-verify.ts'
import type { CheckResult } from '../../agent/checks/result.ts'
import { explainCommand } from '../../agent/commands/explain.ts'
import { CHECK_IDS as DIRECTOR_CHECK_IDS } from '../../agent/director/verify/check.ts'
import { filesBelow } from '../../agent/host/files.ts'
import { CHECK_IDS } from '../../agent/realserver/verify/check.ts'
import type { Terminal } from '../../agent/report/terminal.ts'

let root = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'rs-agent-explain-'))
})
afterEach(() => rmSync(root, { recursive: true }))

interface Explained {
  lastVerify?: string | null
  explanations: { id: string; title: string; results: CheckResult[] }[]
}

async function explain(id?: string): Promise<Explained> {
  const documents: unknown[] = []
  const terminal = { json: true, document: (document: unknown) => documents.push(document) } as unknown
  expect(await explainCommand({ root, configFile: undefined, terminal: terminal as Terminal }, id)).toBe(0)
  return documents[0] as Explained
}

const result = (id: string, verdict: CheckResult['verdict']): CheckResult => ({
  id,
  subject: 'somebody',
  verdict,
  evidence: 'seen',
  hint: '',
})

describe('explain', () => {
  it.each([...new Set([...CHECK_IDS, ...DIRECTOR_CHECK_IDS])])(
    'knows %s, for each role that has it',
    async id => {
      const roles = [CHECK_IDS, DIRECTOR_CHECK_IDS].filter(ids => ids.some(other => other === id))
      const { explanations } = await explain(id)
      expect(explanations.map(explanation => explanation.id)).toEqual(roles.map(() => id))
      expect(new Set(explanations.map(({ title }) => title)).size).toBe(roles.length)
    },
  )

  it('names the nearest of both roles', async () => {
    await expect(explain('real-server-paths')).rejects.toThrow('the nearest is real-server-path')
    await expect(explain('vip-bounds')).rejects.toThrow('the nearest is vip-bound')
  })

  it('tells what the last verify of each role found wrong, each with its own results', async () => {
    const files = filesBelow(root)
    rememberVerify(files, 'real server', [result('arp-announce', 'pass')], new Date(1000))
    rememberVerify(
      files,
      'director',
      [result('arp-announce', 'fail'), result('ipvs-pool', 'unknown'), result('vip-on-nic', 'pass')],
      new Date(2000),
    )
    const { lastVerify, explanations } = await explain()
    expect(lastVerify).toBe(new Date(2000).toISOString())
    expect(explanations.map(({ id, results }) => [id, results.map(({ verdict }) => verdict)])).toEqual([
      ['ipvs-pool', ['unknown']],
      ['arp-announce', ['fail']],
    ])
  })
})
