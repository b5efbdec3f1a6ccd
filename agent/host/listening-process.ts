import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import type { IpAddress } from '../model/address.ts'
import { listenersOn } from './tcp-sockets.ts'

/** Who has a port. */
export interface ListeningProcess {
  address: IpAddress
  /** Null where it is in another namespace of processes, or ended just now. */
  process: { pid: number; name: string } | null
}

/** Whoever listens on the TCP port, each address once. It looks through the descriptors of every process. */
export function processesListeningOn(port: number): ListeningProcess[] {
  const listeners = listenersOn(port)
  if (listeners.length === 0) return []
  const owners = ownersOf(new Set(listeners.map(({ inode }) => `socket:[${inode}]`)))
  return listeners.map(({ address, inode }) => ({
    address,
    process: owners.get(`socket:[${inode}]`) ?? null,
  }))
}

/** The first process of several that share it has the lowest number: the one that opened it. */
function ownersOf(sockets: ReadonlySet<string>): Map<string, { pid: number; name: string }> {
  const owners = new Map<string, { pid: number; name: string }>()
  const pids = readdirSync('/proc').map(Number).filter(Number.isInteger)
  for (const pid of pids.toSorted((left, right) => left - right))
    for (const target of descriptorsOf(pid))
      if (sockets.has(target) && !owners.has(target))
        owners.set(target, { pid, name: processName(pid) ?? 'a process that has ended' })
  return owners
}

/** Processes come and go while one looks. */
function descriptorsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map(descriptor => linkOf(`/proc/${pid}/fd/${descriptor}`))
  } catch {
    return []
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

/** As the kernel calls it; null where there is none. */
export function processName(pid: number): string | null {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
  } catch {
    return null
  }
}
