// The story of rs-agent in a minute, on a cluster of network namespaces. Needs root. It fails when anything it
// claims is not true. Where this machine's kernel has no IPVS it is told in a guest whose kernel has.
import { AssertionError } from 'node:assert/strict'
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'
import { bootGuest } from '../lab/guest.ts'
import { hasIpvs } from '../support/has-ipvs.ts'
import { Segment } from '../support/segment.ts'
import * as acts from './acts.ts'
import { buildCluster, type Cluster, directorConfig, realServerConfig, vip } from './cluster.ts'
import * as narrator from './narrator.ts'

const story: [string, (cluster: Cluster) => Promise<void>][] = [
  [`The usual script, while a client asks without a pause who has ${vip}`, acts.commonScriptLeaks],
  ['Two real servers by rs-agent, under the same storm', acts.realServersAreMade],
  ['A director, on the IPVS of its kernel', acts.directorIsMade],
  ['A client asks for pages, past the director and straight back', acts.requestsAreBalanced],
  ['A real server loses the VIP, and looks healthy', acts.faultIsNamed],
  ['Taken off again', acts.hostsAreAsBefore],
]

const IN_GUEST = '--in-guest'
const LIMIT_MS = 15 * 60_000

class Interrupted extends Error {
  readonly exitCode: number
  constructor(signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP') {
    super(`interrupted by ${signal}`)
    this.exitCode = 128 + constants.signals[signal]
  }
}

/** Inside the guest it failed, and said why. */
class ToldThere extends Error {
  readonly exitCode: number
  constructor(exitCode: number) {
    super('the demo failed in the guest')
    this.exitCode = exitCode
  }
}

// A signal makes the story fail rather than the process end: so everything is taken down in order.
const interruption = new Promise<never>((_, reject) => {
  // Not once: with no listener left, execa's own lets the signal end the process.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => reject(new Interrupted(signal)))
})
// Also when it comes before somebody waits for it.
interruption.catch(() => {})

try {
  if (process.getuid?.() !== 0) throw new Error('it needs root, to make network namespaces: use sudo')
  await (hasIpvs() ? tellHere() : tellInGuest())
} catch (error) {
  const message = error instanceof Error ? error.message : String(error)
  if (!(error instanceof ToldThere))
    narrator.failure(error instanceof AssertionError ? `not true: ${message}` : message)
  process.exitCode = error instanceof Interrupted || error instanceof ToldThere ? error.exitCode : 1
}

async function tellInGuest(): Promise<void> {
  if (process.argv.includes(IN_GUEST)) throw new Error('the kernel of the guest has no IPVS')
  narrator.line('This kernel has no IPVS: booting one that has, in an emulator; all is slower there.')
  narrator.line()
  await Promise.race([bootAndTell(), interruption])
}

async function bootAndTell(): Promise<void> {
  const boot = bootGuest({ kernel: 'newest' })
  // An interruption while it boots is not kept waiting: the guest ends with this process.
  await using guest = await Promise.race([boot, interruption])
  const told = guest.run(process.execPath, [fileURLToPath(import.meta.url), IN_GUEST], {
    env: narrator.colorsLikeOurs(),
    timeoutMs: LIMIT_MS,
    onOutput: (name, chunk) => process[name].write(chunk),
  })
  const { exitCode } = await Promise.race([told, interruption])
  if (exitCode !== 0) throw new ToldThere(exitCode)
}

async function tellHere(): Promise<void> {
  await using segment = await Segment.build()
  await Promise.race([tell(segment), interruption])
}

async function tell(segment: Segment): Promise<void> {
  const startedMs = performance.now()
  const cluster = await buildCluster(segment)
  introduce()
  for (const [index, [text, perform]] of story.entries()) {
    narrator.act(index + 1, text)
    await perform(cluster)
  }
  conclude(performance.now() - startedMs)
}

function introduce(): void {
  narrator.title('rs-agent: a cluster whose real servers never answer ARP for the VIP')
  narrator.line(
    `   client 10.10.10.10   director 10.10.10.11   rs1 10.10.10.12   rs2 10.10.10.13   VIP ${vip}`,
  )
  narrator.line("   One Ethernet segment of network namespaces; this machine's own network is not touched.")
}

function conclude(durationMs: number): void {
  narrator.line()
  // A guest's clock is its own: to whoever waits for it, it takes longer.
  const took = process.argv.includes(IN_GUEST) ? '' : `, in ${Math.round(durationMs / 1000)} s`
  narrator.title(`All of it true${took}. On real hosts, next:`)
  narrator.line()
  for (const [where, config, command] of [
    ['a real server', realServerConfig, 'rs-agent'],
    ['the director', directorConfig, 'rs-agent director'],
  ] as const) {
    narrator.line(`   # on ${where}, in /etc/rs-agent/config.yaml; README says how to install it`)
    for (const each of config.trimEnd().split('\n')) narrator.line(`   ${each}`)
    narrator.line(`   sudo ${command} plan && sudo ${command} apply && sudo ${command} verify`)
    narrator.line()
  }
}
