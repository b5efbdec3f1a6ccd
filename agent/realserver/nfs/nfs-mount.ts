import type { FoundHost } from '../../reconcile/found.ts'
import type { Refusal } from '../../reconcile/refusal.ts'
import type { Claim, Prior } from '../../reconcile/step.ts'
import type { WantedRealServer, WantedShare } from '../desired.ts'

/** Folder, files for the next boot, and the mount itself, for each share. */
export function nfsMountClaims(_wanted: WantedRealServer, _found: FoundHost): Claim[] {
  return []
}

export function nfsMountRefusals(_wanted: WantedRealServer, _found: FoundHost): Refusal[] {
  return []
}

/** Of what a mount hides. */
export function tellOfMounts(_wanted: WantedRealServer, _found: FoundHost): string[] {
  return []
}

/** What is to be looked at for the shares that are wanted, and those of an earlier apply. */
export function nfsInterest(
  _shares: readonly WantedShare[],
  _priors: readonly Prior[],
): { folders: string[]; bootUnits: string[]; files: string[] } {
  return { folders: [], bootUnits: [], files: [] }
}
