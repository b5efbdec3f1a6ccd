import type { FoundHost } from '../reconcile/found.ts'
import type { SyncDaemonForm } from '../reconcile/setting.ts'
import type { Claim } from '../reconcile/step.ts'
import type { WantedDirector } from './desired.ts'

/** The kernel thread that tells another director of this one's connections, or hears of the other's. */
export function syncDaemonClaims({ syncDaemon }: WantedDirector, { ipvs }: FoundHost): Claim[] {
  if (syncDaemon === null) return []
  const { role, ...form } = syncDaemon
  const running = ipvs?.daemons.find(daemon => daemon.role === role)
  return [
    {
      resource: 'sync-daemon',
      phase: 'serve',
      wanted: { kind: 'sync-daemon', id: { role }, value: form },
      satisfied: running !== undefined && isAsWanted(form, running),
      onRemove: 'put-back',
    },
  ]
}

/** What the configuration leaves open the kernel chose. */
export function isAsWanted(wanted: SyncDaemonForm, running: SyncDaemonForm): boolean {
  return (Object.keys(wanted) as (keyof SyncDaemonForm)[]).every(name => running[name] === wanted[name])
}
