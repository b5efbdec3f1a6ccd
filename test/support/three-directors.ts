import type { Host } from './host.ts'
import type { Spawned } from './namespace.ts'
import { startPeerWith } from './peers.ts'
import { Agent } from './rs-agent.ts'

/** Those that keep only healthy real servers in the kernel's table: ours, and Debian's. */
export const DIRECTOR_NAMES = ['rs-agent', 'keepalived', 'ldirectord'] as const
export type DirectorName = (typeof DIRECTOR_NAMES)[number]

/** HTTP services of port 80 by direct routing, and how their real servers are checked. */
export interface Watching {
  services: readonly { vip: string; realServers: readonly string[] }[]
  fallback?: string
  /** Whole seconds for ldirectord, which knows no others. */
  intervalMs: number
  timeoutMs: number
  /** Failures in a row that take a real server out; the first success brings it back. */
  fall: number
  /** Share of the interval by which rs-agent varies it, which the others never do; as it usually is unless told. */
  jitter?: number
}

export interface RunningDirector {
  process: Spawned
  /** Rejects when it ends by itself: for those who wait for what it does. */
  died: Promise<never>
  end(): Promise<void>
}

/** Starts one of them with the same task, each in its own words. Its first table comes later. */
export async function startDirector(
  name: DirectorName,
  host: Host,
  watching: Watching,
): Promise<RunningDirector> {
  if (name === 'rs-agent') return startOurs(host, watching)
  // It would be theirs to move them, not to bind them.
  await host.namespace.ip(...watching.services.map(({ vip }) => `addr add ${vip}/32 dev eth0`))
  const text = name === 'keepalived' ? keepalivedConf(watching) : ldirectordCf(watching)
  return running(name, startPeerWith(name, host, text))
}

function startOurs(host: Host, watching: Watching): RunningDirector {
  const agent = new Agent(host, ourConfig(watching))
  const ours = running('rs-agent', agent.start(['director', 'run'], { input: '' }))
  const end = async () => {
    await ours.end()
    await agent[Symbol.asyncDispose]()
  }
  return { ...ours, end }
}

function running(name: DirectorName, process: Spawned): RunningDirector {
  const died = process.then(({ exitCode, stdout, stderr }) => {
    throw new Error(`${name} has ended with ${exitCode}: ${stdout}${stderr}`)
  })
  // It may when nobody waits.
  died.catch(() => undefined)
  const end = async () => {
    process.kill('SIGKILL')
    await process
  }
  return { process, died, end }
}

function ourConfig({ services, fallback, intervalMs, timeoutMs, fall, jitter = 0.1 }: Watching): string {
  const pace = `interval: ${intervalMs}ms, timeout: ${timeoutMs}ms, jitter: ${jitter * 100}%, rise: 1, fall: ${fall}`
  const listed = services.map(
    ({ vip, realServers }) => `    - listen: ${vip}:80/tcp
      scheduler: rr
      realServers: [${realServers.map(address => `{ address: ${address} }`).join(', ')}]
${fallback === undefined ? '' : `      fallback: ${fallback}:80\n`}      onFailure: remove
      check: { type: http, path: /, ${pace} }
`,
  )
  return `director:\n  interface: eth0\n  services:\n${listed.join('')}`
}

function keepalivedConf({ services, fallback, intervalMs, timeoutMs, fall }: Watching): string {
  const realServer = (address: string) => `  real_server ${address} 80 {
    HTTP_GET {
      url { path / status_code 200 }
      connect_timeout ${timeoutMs / 1000}
      retry ${fall - 1}
      delay_before_retry ${intervalMs / 1000}
    }
  }
`
  const listed = services.map(
    ({ vip, realServers }) => `virtual_server ${vip} 80 {
  delay_loop ${intervalMs / 1000}
  lb_algo rr
  lb_kind DR
  protocol TCP
${fallback === undefined ? '' : `  sorry_server ${fallback} 80\n`}${realServers.map(realServer).join('')}}
`,
  )
  return listed.join('')
}

function ldirectordCf({ services, fallback, intervalMs, timeoutMs, fall }: Watching): string {
  const listed = services.map(
    ({ vip, realServers }) => `virtual = ${vip}:80
${realServers.map(address => `\treal = ${address}:80 gate\n`).join('')}\tservice = http
\trequest = "/"
\tscheduler = rr
\tprotocol = tcp
\tchecktype = negotiate
${fallback === undefined ? '' : `\tfallback = ${fallback}:80 gate\n`}`,
  )
  return `supervised = yes
checktimeout = ${timeoutMs / 1000}
negotiatetimeout = ${timeoutMs / 1000}
checkinterval = ${intervalMs / 1000}
failurecount = ${fall}
quiescent = no
${listed.join('\n')}`
}
