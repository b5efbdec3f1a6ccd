import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'

/** Whether the running kernel has IPVS, which is loaded when it is there as a module. */
export function hasIpvs(): boolean {
  try {
    execFileSync('modprobe', ['-q', 'ip_vs'], { stdio: 'ignore' })
  } catch {
    // No modules, no modprobe, or not the right to: it may be there all the same.
  }
  return existsSync('/proc/net/ip_vs')
}
