import type { Verbs } from './verb.ts'

/** The verbs of the boot-time service. Imported when they are called. */
export function addServiceVerbs({ add, invocation, run }: Verbs): void {
  add('install', 'have systemd run `rs-agent run` from now on, and from early at every boot').action(() =>
    run(async () => (await import('../commands/service.ts')).serviceInstallCommand(invocation())),
  )
  add('uninstall', 'take the service off this host, which stays as it is').action(() =>
    run(async () => (await import('../commands/service.ts')).serviceUninstallCommand(invocation())),
  )
  add('status', 'print whether the service runs, since when, and how often it was started again').action(() =>
    run(async () => (await import('../commands/service.ts')).serviceStatusCommand(invocation())),
  )
}
