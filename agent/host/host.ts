import { AgentError } from '../errors.ts'
import { type Files, filesBelow } from './files.ts'
import { type Ipvs, openIpvs } from './ipvs.ts'
import { type KernelModules, kernelModules } from './modules.ts'
import { kernelNetfilter, type Netfilter } from './netfilter.ts'
import { type Network, openNetwork } from './netlink/network.ts'
import { kernelSysctl, type Sysctl } from './sysctl.ts'

/** The machine that rs-agent works on: the only way to touch it. */
export interface Host {
  readonly network: Network
  readonly netfilter: Netfilter
  readonly sysctl: Sysctl
  readonly files: Files
  readonly modules: KernelModules
  /** Opened when it is first asked for; null where the kernel has no IPVS, or has not loaded it yet. */
  ipvs(): Promise<Ipvs | null>
  close(): void
}

/** This machine: the kernel state of the process's network namespace, the files below `root`. */
export function openHost(root: string): Host {
  const network = openNetwork()
  let opened: Ipvs | null = null
  return {
    network,
    netfilter: kernelNetfilter,
    sysctl: kernelSysctl,
    files: filesBelow(root),
    modules: kernelModules,
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
