import { chmodSync, existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type Config, loadConfig } from '../../agent/config/load.ts'
import { type WantedDirector, wantedDirector } from '../../agent/director/desired.ts'
import { planDirector } from '../../agent/director/plan.ts'
import { wantedRealServer } from '../../agent/realserver/desired.ts'
import { planRealServer } from '../../agent/realserver/plan.ts'
import { type FoundHost, lookupIn } from '../../agent/reconcile/found.ts'
import { keyOf, type Setting } from '../../agent/reconcile/setting.ts'
import { NOTHING_MANAGED, type State } from '../../agent/reconcile/state.ts'
import type { Step } from '../../agent/reconcile/step.ts'
import { undo } from '../../agent/reconcile/undo.ts'
import { reportChange } from '../../agent/report/change.ts'
import { readFound } from '../support/case-host.ts'

/**
 * test/cases/NAME/: config.yaml, found.yaml (the host; short forms in ../support/case-host.ts), state.json where the
 * host was applied before, and other-role.json where it has the other role. expected.txt holds the plan, its undo, or
 * the refusal, as a person reads them. Sysctls and files of a director that was applied before are as it needs them.
 */
const CASES = join(import.meta.dirname, '../cases')

describe('every case', () => {
  // Files to import have a test of their own.
  for (const name of readdirSync(CASES).filter(name => name !== 'import'))
    it(`plans ${name} as expected`, async () => {
      const folder = join(CASES, name)
      await expect(describePlan(folder)).toMatchFileSnapshot(join(folder, 'expected.txt'))
    })
})

function describePlan(folder: string): string {
  const file = join(folder, 'config.yaml')
  // A clone made under a wide umask would be refused, rightly.
  chmodSync(file, 0o644)
  chmodSync(folder, 0o755)
  const found = readFound(join(folder, 'found.yaml'))
  const state = readState(join(folder, 'state.json'))
  const other = readState(join(folder, 'other-role.json'))
  const { steps, refusals } = planOf(loadConfig(file), found, state, other)
  if (refusals.length > 0)
    return `refused:\n${refusals.map(({ path, why, hint }) => `  ${path.join('.')}: ${why}\n    -> ${hint}\n`).join('')}`
  return `plan:\n${lines(steps)}undo:\n${lines(undo(steps, valuesAfter(steps, found)))}`
}

/** Of the role that the configuration has. */
function planOf(config: Config, found: FoundHost, state: State, other: State) {
  if (config.director === undefined) return planRealServer(wantedRealServer(config, '/'), found, state, other)
  const wanted = wantedDirector(config)
  if (state !== NOTHING_MANAGED) setUp(wanted, found)
  return planDirector(wanted, found, state, other)
}

/** Sets what every director needs, whatever it serves. */
function setUp(wanted: WantedDirector, found: FoundHost): void {
  for (const { change } of planDirector(wanted, found, NOTHING_MANAGED, NOTHING_MANAGED).steps) {
    if (change.kind === 'sysctl' && change.after !== null) found.sysctls[change.id.path] = change.after
    if (change.kind === 'file' && change.after !== null) found.files[change.id.path] = change.after
  }
}

function readState(path: string): State {
  return existsSync(path)
    ? { ...NOTHING_MANAGED, ...JSON.parse(readFileSync(path, 'utf8')) }
    : NOTHING_MANAGED
}

function lines(steps: Step[]): string {
  return steps
    .map(step => {
      const { id, action, subject, before, after } = reportChange(step)
      return `  ${step.phase.padEnd(8)} ${id} ${action} ${subject}: ${shown(before)} => ${shown(after)}\n`
    })
    .join('')
}

/** A file's text would hide the plan: its settings say it all. */
function shown(value: string | null): string {
  if (value === null) return 'nothing'
  // The revision is that of a template, which no plan decides.
  if (!value.includes('\n')) return value.replace(/our site [0-9a-f]{12}/, 'our site')
  return `[${value
    .split('\n')
    .filter(line => /^-/.test(line))
    .join(', ')}]`
}

function valuesAfter(steps: Step[], found: FoundHost) {
  const after = new Map<string, Setting['value']>(steps.map(({ change }) => [keyOf(change), change.after]))
  const before = lookupIn(found)
  return (setting: Parameters<typeof before>[0]) =>
    after.has(keyOf(setting)) ? (after.get(keyOf(setting)) ?? null) : before(setting)
}
