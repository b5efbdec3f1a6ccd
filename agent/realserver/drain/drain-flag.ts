import { AgentError } from '../../errors.ts'
import type { Files } from '../../host/files.ts'

/**
 * While it is there the host is drained, as /etc/nologin keeps people out: the web server looks for it at every
 * request, without a reload, and it outlives a reboot in the middle of somebody's work.
 */
export const DRAIN_FLAG = 'etc/rs-agent/drained'

/** `withdrawn`: the VIP is not bound either. */
export type Drain = 'in rotation' | 'drained' | 'withdrawn'

const WITHDRAWN = 'withdrawn: the VIP is not bound'

export function readDrain({ readText }: Pick<Files, 'readText'>): Drain {
  const text = readText(DRAIN_FLAG)
  if (text === null) return 'in rotation'
  return text.includes(WITHDRAWN) ? 'withdrawn' : 'drained'
}

/** Anybody may see it: the processes of the web server do. */
export function writeDrain(files: Files, drain: Drain, at: Date): void {
  if (drain === 'in rotation') {
    files.remove(DRAIN_FLAG)
    return
  }
  const lines = [
    `# Drained by rs-agent at ${at.toISOString()}; \`rs-agent undrain\` takes this host back into rotation.`,
    ...(drain === 'withdrawn' ? [WITHDRAWN] : []),
  ]
  const owner = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 }
  files.write(DRAIN_FLAG, { content: `${lines.join('\n')}\n`, mode: 0o644, ...owner })
}

/** Nobody but the web server can tell clients and directors. */
export function refuseWithoutWebServer(httpd: unknown): void {
  if (httpd !== null) return
  throw new AgentError(
    'config-invalid',
    "there is no httpd section: the web server of this host is not rs-agent's, and would not know that it is drained",
    'drain it on the director: rs-agent director drain RIP',
  )
}
