import { findDrift } from '../realserver/converge.ts'
import { wantedRealServer } from '../realserver/desired.ts'
import { recallKeepReport } from '../realserver/keep/report.ts'
import { describeServing } from '../realserver/serving-status.ts'
import { checkArpSysctl } from '../realserver/verify/arp-sysctl.ts'
import { checkVipBound } from '../realserver/verify/vip-bound.ts'
import { interruptedLine, interruptedReport, printStatus, type StatusReport } from '../report/status.ts'
import { type Invocation, loadInvocationConfig, withHost } from './invocation.ts'

/** What is bound and silent now, and when it was applied; 0 as configured, 2 when not. */
export async function statusCommand(invocation: Invocation): Promise<number> {
  const { terminal } = invocation
  const config = loadInvocationConfig(invocation)
  const wanted = wantedRealServer(config, invocation.root)
  return withHost(invocation, async host => {
    const { packages, steps, state, found, interrupted } = await findDrift(host, config, wanted)
    const report: StatusReport = {
      asConfigured: steps.length + packages.length === 0 && interrupted === null,
      drain: wanted.drain,
      serving: describeServing(wanted, found),
      vips: checkVipBound(wanted, found).map(({ subject, verdict, evidence }) => ({
        address: subject,
        bound: verdict === 'pass',
        evidence,
      })),
      nics: checkArpSysctl(wanted, found).map(({ subject, verdict, evidence }) => ({
        name: subject,
        silent: verdict === 'pass',
        evidence,
      })),
      service: recallKeepReport(host.files),
      lastApply: state.lastApply,
      interrupted: interrupted && interruptedReport(interrupted),
      pending: steps.length + packages.length,
    }
    if (terminal.json) terminal.document(report)
    else {
      if (interrupted !== null) terminal.line(interruptedLine(terminal, interruptedReport(interrupted)))
      printStatus(terminal, report)
    }
    return report.asConfigured ? 0 : 2
  })
}
