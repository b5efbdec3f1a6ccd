import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from '../config/load.ts'
import { lookBesideRun } from '../director/beside-run.ts'
import { findDrift } from '../director/converge.ts'
import { readDrained } from '../director/drained.ts'
import { type RotationReport, recallReport } from '../director/rotation-report.ts'
import { checkVipOnNic } from '../director/verify/host-checks.ts'
import { AgentError } from '../errors.ts'
import type { Host } from '../host/host.ts'
import { inReadingOrder } from '../model/ipvs-order.ts'
import { recall } from '../reconcile/recall.ts'
import { DIRECTOR } from '../reconcile/role.ts'
import { type DirectorStatus, printDirectorStatus } from '../report/director-status.ts'
import { interruptedLine, interruptedReport } from '../report/status.ts'
import { type Invocation, loadInvocationConfig, untilSignal, withHost } from './invocation.ts'

/** Between two looks with --watch. */
const WATCH_MS = 2_000

/** VIPs, services, real servers and connections now, with `watch` until a signal; 0 as configured, 2 when not. */
export async function directorStatusCommand(
  invocation: Invocation,
  { watch }: { watch: boolean },
): Promise<number> {
  if (!watch) return directorStatus(invocation)
  // With --json a document on each line.
  const terminal = { ...invocation.terminal, document: invocation.terminal.event }
  let status = 0
  await untilSignal(async signal => {
    while (!signal.aborted) {
      terminal.clear()
      status = await directorStatus({ ...invocation, terminal })
      await sleep(WATCH_MS, undefined, { signal }).catch(() => undefined)
    }
  })
  return status
}

async function directorStatus(invocation: Invocation): Promise<number> {
  const { terminal } = invocation
  const report = await withHost(invocation, async host => {
    const run = recallReport(host.files)
    try {
      return await reportOf(host, loadInvocationConfig(invocation), run)
    } catch (error) {
      // The run goes on with the configuration of before, and says what is wrong with this one.
      if (run?.refusedConfig == null || !(error instanceof AgentError) || error.code !== 'config-invalid')
        throw error
      return reportOfTable(host, run)
    }
  })
  if (terminal.json) terminal.document(report)
  else {
    if (report.interrupted !== null) terminal.line(interruptedLine(terminal, report.interrupted))
    printDirectorStatus(terminal, report)
  }
  return report.asConfigured ? 0 : 2
}

async function reportOf(host: Host, config: Config, run: RotationReport | null): Promise<DirectorStatus> {
  const look = await lookBesideRun(
    host,
    config,
    wanted => findDrift(host, config, wanted),
    ({ steps }) => steps.length === 0,
  )
  const { rotation, wanted } = look
  const { modules, steps, found, state, interrupted } = look.found
  const pending = modules.length + steps.length
  const vips = checkVipOnNic(wanted, found)
    // The standby of a pair (VRRP) has none, and lacks none.
    .filter(({ verdict }) => verdict !== 'skipped')
    .map(({ subject, verdict, evidence }) => ({ address: subject, bound: verdict === 'pass', evidence }))
  return {
    // As it was when the table was found.
    run: run && recallReport(host.files),
    drained: [...rotation.drained],
    // There is nothing to apply on a NIC that is down, and yet nobody reaches the VIP.
    asConfigured: pending === 0 && interrupted === null && vips.every(({ bound }) => bound),
    vips,
    services: inReadingOrder(found.ipvs?.pools ?? []),
    syncDaemons: found.ipvs?.daemons ?? [],
    lastApply: state.lastApply,
    interrupted: interrupted && interruptedReport(interrupted),
    pending,
  }
}

/** What there is to tell where nobody can say what shall be. */
async function reportOfTable(host: Host, run: RotationReport): Promise<DirectorStatus> {
  const { state, interrupted } = recall(host.files, DIRECTOR)
  const ipvs = await host.ipvs()
  return {
    run,
    drained: [...readDrained(host.files)],
    asConfigured: false,
    vips: [],
    services: inReadingOrder((await ipvs?.table()) ?? []),
    syncDaemons: (await ipvs?.daemons()) ?? [],
    lastApply: state.lastApply,
    interrupted: interrupted && interruptedReport(interrupted),
    pending: 0,
  }
}
