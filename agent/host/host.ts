import { type Files, filesBelow } from './files.ts'
import { kernelNetfilter, type Netfilter } from './netfilter.ts'
import { type Network, openNetwork } from './netlink/network.ts'
import { kernelSysctl, type Sysctl } from './sysctl.ts'

/** The machine that rs-agent works on: the only way to touch it. */
export interface Host {
  readonly network: Network
  readonly netfilter: Netfilter
  readonly sysctl: Sysctl
  readonly files: Files
}

/** This machine: the kernel state of the process's network namespace, the files below `root`. */
export function openHost(root: string): Host {
  return { network: openNetwork(), netfilter: kernelNetfilter, sysctl: kernelSysctl, files: filesBelow(root) }
}
