import { AgentError } from '../errors.ts'
import type { KernelModules } from '../host/modules.ts'
import { lines } from '../model/dialect.ts'
import { SCHEDULERS } from '../model/ipvs.ts'
import { renderTemplate } from '../model/template.ts'
import { fileClaim } from '../reconcile/file-claim.ts'
import type { FoundHost } from '../reconcile/found.ts'
import type { Claim } from '../reconcile/step.ts'
import type { WantedDirector } from './desired.ts'

/**
 * Modules of the kernel: IPVS itself, and one for each scheduler. They are loaded before the host is looked at,
 * because IPVS brings its sysctls with it, and they stay: whoever else uses them by now is not known.
 */
export const MODULES_FILE = 'etc/modules-load.d/rs-agent-director.conf'

/** A module that is not there, and for what it is needed. */
export interface MissingModule {
  name: string
  neededBy: string
}

export function neededModules({ pools }: Pick<WantedDirector, 'pools'>): MissingModule[] {
  const needed = new Map([['ip_vs', 'every virtual service']])
  for (const { service } of pools) {
    const { scheduler, persistenceEngine } = service
    needed.set(SCHEDULERS.get(scheduler)?.module ?? `ip_vs_${scheduler}`, `scheduler ${scheduler}`)
    if (persistenceEngine !== null)
      needed.set(`ip_vs_pe_${persistenceEngine}`, `persistence engine ${persistenceEngine}`)
  }
  return [...needed].map(([name, neededBy]) => ({ name, neededBy }))
}

/** Those that the running kernel does not have yet. */
export function missingModules(
  modules: KernelModules,
  wanted: Pick<WantedDirector, 'pools'>,
): MissingModule[] {
  return neededModules(wanted).filter(({ name }) => !modules.isThere(name))
}

/** Loads what is missing; throws AgentError `unsupported` where this kernel has no such module. */
export async function loadModules(modules: KernelModules, missing: readonly MissingModule[]): Promise<void> {
  for (const { name, neededBy } of missing) {
    const refusal = await modules.load(name)
    if (refusal !== null)
      throw new AgentError(
        'unsupported',
        `the kernel module ${name} (${neededBy}) cannot be loaded: ${refusal}`,
        `no setting was touched; install the modules of the running kernel (Debian: linux-image-${modules.release}; Ubuntu: linux-modules-extra-${modules.release}; Fedora, RHEL: kernel-modules-extra), or load it outside the container: modprobe ${name}`,
      )
  }
}

export function moduleClaims(wanted: WantedDirector, found: FoundHost): Claim[] {
  const modules = neededModules(wanted).map(({ name }) => ({ name }))
  return [
    fileClaim(
      'boot-files',
      MODULES_FILE,
      renderTemplate(wanted.templates.modules, { modules }, lines),
      found,
    ),
  ]
}
