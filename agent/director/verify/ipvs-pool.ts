import { destinationText, type FoundPool, serviceText } from '../../model/ipvs.ts'
import type { FoundHost } from '../../reconcile/found.ts'
import type { Setting } from '../../reconcile/setting.ts'
import type { WantedDirector, WantedPool } from '../desired.ts'
import { poolClaims } from '../ipvs-pool.ts'
import type { CheckResult } from './check.ts'

/** Whether the kernel's table is what the configuration says, service by service. */
export function checkIpvsPool(wanted: WantedDirector, found: FoundHost): CheckResult[] {
  const { ipvs } = found
  if (ipvs === null || ipvs === undefined)
    return [result('this host', 'fail', 'the kernel has no IPVS loaded', 'rs-agent director apply')]
  const table = new Map(ipvs.pools.map(pool => [serviceText(pool.service.key), pool]))
  const wrong = Map.groupBy(wrongSettings(wanted, found), ({ id }) => serviceText(id.key))
  return wanted.pools.map(pool => {
    const subject = serviceText(pool.service.key)
    const present = table.get(subject)
    if (present === undefined)
      return result(subject, 'fail', 'the kernel has no such service', 'rs-agent director apply')
    const differences = (wrong.get(subject) ?? []).map(setting => differenceFrom(setting, present))
    if (differences.length > 0)
      return result(subject, 'fail', differences.join('; '), 'rs-agent director apply')
    return servingResult(subject, pool, present)
  })
}

/** Of services that the configuration names. */
function wrongSettings(wanted: WantedDirector, found: FoundHost): TableSetting[] {
  return poolClaims({ ...wanted, otherServices: 'keep' }, found, []).flatMap(
    ({ satisfied, wanted: setting }) =>
      !satisfied && (setting.kind === 'ipvs-service' || setting.kind === 'ipvs-destination') ? [setting] : [],
  )
}

type TableSetting = Setting & { kind: 'ipvs-service' | 'ipvs-destination' }

function differenceFrom({ kind, id, value }: TableSetting, { destinations }: FoundPool): string {
  if (kind === 'ipvs-service') return 'scheduler, flags or persistence differ'
  const name = destinationText(id)
  if (value === null) return `${name} is in the table, and not in the configuration`
  const isThere = destinations.some(({ address, port }) => address === id.address && port === id.port)
  return isThere ? `${name} has another weight, method or limit` : `${name} is missing`
}

function servingResult(subject: string, { destinations }: WantedPool, { service }: FoundPool): CheckResult {
  const serving = destinations.filter(({ weight }) => weight > 0).length
  const noun = destinations.length === 1 ? 'real server' : 'real servers'
  const text = `${service.scheduler}, ${destinations.length} ${noun}, ${serving} with a weight`
  if (serving > 0) return result(subject, 'pass', text, '')
  return result(
    subject,
    'fail',
    `${text}: nobody gets new connections`,
    'give a real server a weight in the configuration',
  )
}

function result(
  subject: string,
  verdict: CheckResult['verdict'],
  evidence: string,
  hint: string,
): CheckResult {
  return { id: 'ipvs-pool', subject, verdict, evidence, hint }
}
