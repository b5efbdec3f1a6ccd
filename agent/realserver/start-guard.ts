import type { Host } from '../host/host.ts'

/**
 * Debian's packages start their services as soon as they are installed, unless this file says no (invoke-rc.d(8),
 * https://www.debian.org/doc/debian-policy/ch-opersys.html#interfacing-with-init-scripts): a web server with the
 * distribution's own page would answer clients of the VIP. Elsewhere packages start nothing, and nobody asks the file.
 */
const POLICY = 'usr/sbin/policy-rc.d'
/** Exit status 101: the action is forbidden by policy. */
const SCRIPT = `#!/bin/sh
# Written by rs-agent while it installs packages: their services are started when they are configured. It takes the
# file away when it has finished; remove it if no rs-agent is at work.
exit 101
`

/** One that is there is somebody else's, as in an image for containers, and says no already or is asked for its reasons. */
export function holdServicesBack({ files }: Host): void {
  if (files.readText(POLICY) !== null) return
  const owner = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 }
  files.write(POLICY, { content: SCRIPT, mode: 0o755, ...owner })
}

/** What somebody else has written stays. */
export function letServicesStart(host: Host): void {
  if (areServicesHeldBack(host)) host.files.remove(POLICY)
}

/** By this run, by another that is under way, or by one that was killed. */
export function areServicesHeldBack({ files }: Host): boolean {
  return files.readText(POLICY) === SCRIPT
}
