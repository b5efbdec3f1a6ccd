import type { FoundHost } from '../reconcile/found.ts'
import type { Claim } from '../reconcile/step.ts'

/** A file that makes the role last over a reboot. Its owner stays, if it is there. */
export function fileClaim(path: string, content: string, { files }: Pick<FoundHost, 'files'>): Claim {
  const present = files[path]
  const owner = {
    uid: present?.uid ?? process.geteuid?.() ?? 0,
    gid: present?.gid ?? process.getegid?.() ?? 0,
  }
  return {
    resource: 'boot-files',
    phase: 'persist',
    wanted: { kind: 'file', id: { path }, value: { content, mode: 0o644, ...owner } },
    satisfied: present !== undefined && present.content === content && present.mode === 0o644,
    onRemove: 'put-back',
  }
}
