import type { Host } from '../../host/host.ts'
import type { UnitState } from '../../host/init-system.ts'
import { UNIT_NAMES, type UnitName } from '../../model/service-units.ts'
import type { WantedRealServer } from '../desired.ts'
import type { CheckResult } from './check.ts'

/** Who binds the VIPs after the next boot: the kernel keeps nothing, and nobody else is known to. */
export async function checkBootPersistence(
  { initSystem }: Pick<Host, 'initSystem'>,
  { vips }: Pick<WantedRealServer, 'vips'>,
): Promise<CheckResult[]> {
  if (vips.length === 0) return []
  const result = { id: 'boot-persistence', subject: 'this host' } as const
  if (initSystem === null) {
    const evidence = 'no systemd runs here: whoever starts its services has to run `rs-agent run` as well'
    return [{ ...result, verdict: 'skipped', evidence, hint: '' }]
  }
  const states = await initSystem.states(UNIT_NAMES)
  for (const [index, name] of UNIT_NAMES.entries()) {
    const missing = whatIsMissing(name, states[index] ?? null)
    if (missing !== null) {
      const evidence = `${missing.why}: after the next boot nobody binds the VIPs`
      return [{ ...result, verdict: 'fail', evidence, hint: missing.hint }]
    }
  }
  const notRunning = UNIT_NAMES.find((_, index) => states[index]?.active !== true)
  if (notRunning === undefined)
    return [
      { ...result, verdict: 'pass', evidence: 'rs-agent.service runs, and is started at boot', hint: '' },
    ]
  return [
    {
      ...result,
      verdict: 'unknown',
      evidence: `${notRunning} is started at boot, but does not run now: nobody knows whether it will then`,
      hint: `systemctl status ${notRunning}`,
    },
  ]
}

function whatIsMissing(name: UnitName, state: UnitState | null): { why: string; hint: string } | null {
  if (state === null) return { why: `${name} is not installed`, hint: 'rs-agent service install' }
  if (state.masked) return { why: `${name} is masked`, hint: `systemctl unmask ${name}` }
  return state.enabled ? null : { why: `${name} is not started at boot`, hint: `systemctl enable ${name}` }
}
