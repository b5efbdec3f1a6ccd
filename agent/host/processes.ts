import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
} from 'node:fs'
import { isAbsolute } from 'node:path'
import { processName } from './listening-process.ts'

/** What runs on this host, as far as this process may see it. */

export interface HostProcess {
  pid: number
  /** As the kernel calls it: the name of its program, or script, cut after 15 bytes (TASK_COMM_LEN). */
  name: string
  command: string[]
}

/** Without threads of the kernel, and without this one. */
export function listProcesses(): HostProcess[] {
  const pids = readdirSync('/proc').filter(name => /^[0-9]+$/.test(name))
  return pids.map(Number).flatMap(pid => {
    const name = processName(pid)
    const command = (readText(`/proc/${pid}/cmdline`) ?? '').split('\0').slice(0, -1)
    return name === null || command.length === 0 || pid === process.pid ? [] : [{ pid, name, command }]
  })
}

/**
 * Whether the process is in this network namespace. Where that is not told (it takes CAP_SYS_PTRACE), one of a
 * container is taken to be elsewhere, and any other to be here.
 */
export function sharesNetwork(pid: number): boolean {
  const theirs = readLink(`/proc/${pid}/ns/net`)
  if (theirs !== null) return theirs === readLink('/proc/self/ns/net')
  const status = readText(`/proc/${pid}/status`)
  // Of a container's: its number here, and the one that it has in there (proc_pid_status(5)).
  return status !== null && !/^NSpid:\s*\d+\s+\d/m.test(status)
}

/** The systemd service that it belongs to, `cron.service`. */
export function unitOf(pid: number): string | null {
  return /([^/\n]+\.service)(?:\/|$)/m.exec(readText(`/proc/${pid}/cgroup`) ?? '')?.[1] ?? null
}

/** As much of a script as tells what it is about. */
const SCRIPT_BYTES = 64 * 1024

/** The beginning of a file as that process sees it; null where it cannot be read. */
export function readAsSeenBy(pid: number, path: string): string | null {
  const seen = isAbsolute(path) ? `/proc/${pid}/root${path}` : `/proc/${pid}/cwd/${path}`
  return readBeginning(seen) ?? (isAbsolute(path) ? readBeginning(path) : null)
}

/**
 * Port ids of the rtnetlink sockets of this network namespace, which most often are the process ids of whoever sets
 * or follows addresses and routes. Columns of net/netlink/af_netlink.c: sk, Eth (the protocol), Pid (the port), …
 */
export function rtnetlinkPorts(): number[] {
  const [, ...rows] = (readText('/proc/self/net/netlink') ?? '').split('\n')
  const ports = rows.map(row => row.split(/\s+/)).filter(columns => columns[1] === '0')
  return ports.map(columns => Number(columns[2])).filter(port => port > 0)
}

function readBeginning(path: string): string | null {
  try {
    // A pipe would wait for whoever writes to it.
    const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      if (!fstatSync(file).isFile()) return null
      const bytes = Buffer.alloc(SCRIPT_BYTES)
      return bytes.toString('latin1', 0, readSync(file, bytes, 0, SCRIPT_BYTES, 0))
    } finally {
      closeSync(file)
    }
  } catch {
    return null
  }
}

/** Processes come and go while one looks, and some belong to somebody else. */
function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}

function readLink(path: string): string | null {
  try {
    return readlinkSync(path)
  } catch {
    return null
  }
}
