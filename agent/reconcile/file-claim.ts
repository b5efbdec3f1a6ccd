import type { FoundHost } from './found.ts'
import type { Claim } from './step.ts'

/** A file that makes a role last over a reboot. Its owner stays, if it is there. */
export function fileClaim(
  resource: string,
  path: string,
  content: string,
  { files }: Pick<FoundHost, 'files'>,
): Claim {
  const present = files[path]
  const owner = {
    uid: present?.uid ?? process.geteuid?.() ?? 0,
    gid: present?.gid ?? process.getegid?.() ?? 0,
  }
  const value = { content, mode: 0o644, ...owner }
  return {
    resource,
    phase: 'persist',
    wanted: { kind: 'file', id: { path }, value },
    satisfied: present !== undefined && present.content === content && present.mode === value.mode,
    onRemove: 'put-back',
  }
}
