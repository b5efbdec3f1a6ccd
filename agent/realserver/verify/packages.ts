import { distributionOf } from '../../host/distribution.ts'
import type { Host } from '../../host/host.ts'
import { openPackages } from '../../host/packages.ts'
import type { WantedRealServer } from '../desired.ts'
import { packagesOf } from '../packages.ts'
import type { CheckResult } from './check.ts'

/** What the web server and the mounts need is installed, whoever installed it. */
export async function checkPackages(host: Host, wanted: WantedRealServer): Promise<CheckResult[]> {
  if (wanted.httpd === null && wanted.nfs.length === 0) return []
  const result = { id: 'packages', subject: 'this host' } as const
  if (wanted.packages === 'leave')
    return [
      {
        ...result,
        verdict: 'skipped',
        evidence: "packages: leave, they are somebody else's matter",
        hint: '',
      },
    ]
  const distribution = distributionOf(host.files)
  if (distribution === null)
    return [
      {
        ...result,
        verdict: 'unknown',
        evidence: 'this distribution is not known',
        hint: 'cat /etc/os-release',
      },
    ]
  const names = packagesOf(wanted, distribution)
  const packages = await openPackages(host.commands, distribution.tools)
  if (packages === null) {
    const evidence = `there is no ${distribution.tools.join(' and no ')} to ask`
    return [
      {
        ...result,
        verdict: 'unknown',
        evidence,
        hint: '`packages: leave` where packages come some other way',
      },
    ]
  }
  const installed = await packages.installed(names)
  return names.map(name =>
    installed.has(name)
      ? { id: 'packages', subject: name, verdict: 'pass', evidence: 'installed', hint: '' }
      : {
          id: 'packages',
          subject: name,
          verdict: 'fail',
          evidence: 'not installed, or only in part',
          hint: 'rs-agent apply',
        },
  )
}
