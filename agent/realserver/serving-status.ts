import { isSameSource, topmostAt, waitsForComers } from '../model/mount.ts'
import type { FoundHost } from '../reconcile/found.ts'
import type { WantedRealServer } from './desired.ts'

/** How one part of what serves pages is now, without asking anybody for it. */
export interface ServingState {
  name: string
  right: boolean
  evidence: string
}

export function describeServing({ httpd, nfs }: WantedRealServer, { serving }: FoundHost): ServingState[] {
  if (serving === undefined) return []
  const shares = nfs.map(({ source, target }): ServingState => {
    const mounted = topmostAt(serving.mounts, target)
    const name = `share ${target}`
    if (mounted === null && waitsForComers(serving.mounts, target))
      return { name, right: true, evidence: `${source}, mounted when somebody comes` }
    if (mounted === null) return { name, right: false, evidence: 'not mounted' }
    return {
      name,
      right: isSameSource(mounted.source, source),
      evidence: `${mounted.source} (${mounted.type})`,
    }
  })
  if (httpd === null) return shares
  const found = serving.webServers[httpd.server]
  const name = `web server ${httpd.server}`
  if (found?.running !== true) return [...shares, { name, right: false, evidence: 'does not run' }]
  if (found.site === null) return [...shares, { name, right: false, evidence: 'runs, without our site' }]
  return [
    ...shares,
    { name, right: true, evidence: `serves our site ${found.site.revision} on port ${found.site.port}` },
  ]
}
