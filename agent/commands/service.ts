import { AgentError } from '../errors.ts'
import { requireCapability } from '../host/capabilities.ts'
import type { Host } from '../host/host.ts'
import { withLock } from '../host/lock.ts'
import { wantedRealServer } from '../realserver/desired.ts'
import { tellServiceChange, tellServiceState } from '../report/service.ts'
import { type BootedHost, installService, type ServiceChange, uninstallService } from '../service/install.ts'
import { serviceState } from '../service/unit-state.ts'
import { programOfService, renderUnits } from '../service/units.ts'
import { type Invocation, loadInvocationConfig, untilSignal, withHost } from './invocation.ts'

/** Has systemd run `rs-agent run` from now on, and at every boot. */
export async function serviceInstallCommand(invocation: Invocation): Promise<number> {
  const { root, configFile } = invocation
  const config = loadInvocationConfig(invocation)
  // What is wrong with it is told now, not by a service that does not start.
  if (config.realServer !== undefined) wantedRealServer(config, root)
  return changeService(invocation, 'install', (host, signal) => {
    const units = renderUnits(root, programOfService(root, configFile), config)
    return installService(host, units, signal)
  })
}

/** Takes the service off this host, which stays as it is. */
export function serviceUninstallCommand(invocation: Invocation): Promise<number> {
  return changeService(invocation, 'uninstall', uninstallService)
}

/** How the service is: 0 when it is installed, started at boot, and active; 1 when not. */
export async function serviceStatusCommand(invocation: Invocation): Promise<number> {
  return withHost(invocation, async host =>
    tellServiceState(invocation.terminal, await serviceState(bootedHost(host).commands)),
  )
}

async function changeService(
  invocation: Invocation,
  verb: 'install' | 'uninstall',
  work: (host: BootedHost, signal: AbortSignal) => Promise<ServiceChange>,
): Promise<number> {
  requireCapability('CAP_NET_ADMIN', `${verb} a service that changes addresses and sysctls`)
  return withHost(invocation, async host => {
    const booted = bootedHost(host)
    const change = await withLock(
      invocation.root,
      () => untilSignal(signal => work(booted, signal)),
      // Not that of apply: the service takes that one while it is started.
      'run/rs-agent/service.lock',
    )
    return tellServiceChange(invocation.terminal, verb, change, await serviceState(booted.commands))
  })
}

function bootedHost({ files, commands, initSystem }: Host): BootedHost {
  if (initSystem !== null) return { files, commands, initSystem }
  throw new AgentError(
    'unsupported',
    'systemd does not run here',
    'have your service starter run `rs-agent run`, early at boot, and start it again whenever it ends',
  )
}
