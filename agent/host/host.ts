import { AgentError } from '../errors.ts'
import { type Commands, commandsBelow } from './commands.ts'
import { type Files, filesBelow } from './files.ts'
import { type InitSystem, initSystemBelow } from './init-system.ts'
import { type Ipvs, openIpvs } from './ipvs.ts'
import { type KernelModules, kernelModules } from './modules.ts'
import { type Mounts, mountsBelow } from './mounts.ts'
import { kernelNetfilter, type Netfilter } from './netfilter.ts'
import { type Network, openNetwork } from './netlink/network.ts'
import { kernelSysctl, type Sysctl } from './sysctl.ts'
import { type WebServers, webServersOf } from './web-servers.ts'

/** The machine that rs-agent works on: the only way to touch it. */
export interface Host {
  readonly network: Network
  readonly netfilter: Netfilter
  readonly sysctl: Sysctl
  readonly files: Files
  readonly modules: KernelModules
  readonly commands: Commands
  readonly mounts: Mounts
  /** Null where none runs that we know: in a container, or an image that is not booted. */
  readonly initSystem: InitSystem | null
  readonly webServers: WebServers
  /** Opened when it is first asked for; null where the kernel has no IPVS, or has not loaded it yet. */
  ipvs(): Promise<Ipvs | null>
  close(): void
}

/** This machine: the kernel state of the process's network namespace, the files below `root`. */
export function openHost(root: string): Host {
  const network = openNetwork()
  const files = filesBelow(root)
  const commands = commandsBelow(root)
  const initSystem = initSystemBelow(root, commands)
  let opened: Ipvs | null = null
  return {
    network,
    netfilter: kernelNetfilter,
    sysctl: kernelSysctl,
    files,
    modules: kernelModules,
    commands,
    mounts: mountsBelow(root, commands),
    initSystem,
    webServers: webServersOf({ files, commands, initSystem }),
    async ipvs() {
      opened ??= await openIpvs().catch(error => {
        if (error instanceof AgentError && error.code === 'unsupported') return null
        throw error
      })
      return opened
    },
    close() {
      network.close()
      opened?.close()
    },
  }
}
