import { examples, type Verbs } from './verb.ts'

/** The verbs of the boot-time service. Imported when they are called. */
export function addServiceVerbs({ add, invocation, run }: Verbs): void {
  add('install', 'have systemd run `rs-agent run` from now on, and from early at every boot')
    .addHelpText(
      'after',
      examples(['rs-agent service install', 'once; `rs-agent apply` first brings the packages']),
    )
    .action(() =>
      run(async () => (await import('../commands/service.ts')).serviceInstallCommand(invocation())),
    )
  add('uninstall', 'take the service off this host, which stays as it is')
    .addHelpText(
      'after',
      examples(['rs-agent service uninstall', 'the VIPs stay bound; `rs-agent remove` unbinds them']),
    )
    .action(() =>
      run(async () => (await import('../commands/service.ts')).serviceUninstallCommand(invocation())),
    )
  add('status', 'print whether the service runs, since when, and how often it was started again')
    .addHelpText(
      'after',
      examples(['rs-agent service status', 'exit status 0: installed, started at boot, and active']),
    )
    .action(() =>
      run(async () => (await import('../commands/service.ts')).serviceStatusCommand(invocation())),
    )
}
