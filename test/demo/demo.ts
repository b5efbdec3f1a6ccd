// The story of rs-agent in half a minute, on a cluster of network namespaces. Needs root. It fails when
// anything it claims is not true.
import { AssertionError } from 'node:assert/strict'
import { constants } from 'node:os'
import { Segment } from '../support/segment.ts'
import * as acts from './acts.ts'
import { buildCluster, type Cluster, config, vip } from './cluster.ts'
import * as narrator from './narrator.ts'

const story: [string, (cluster: Cluster) => Promise<void>][] = [
  [`The usual script, while a client asks 5,000 times a second who has ${vip}`, acts.commonScriptLeaks],
  ['rs-agent, under the same storm', acts.agentStaysSilent],
  ['Both real servers prove their role', acts.bothProveTheirRole],
  ['Somebody undoes a sysctl', acts.faultIsFound],
  ['A client asks for a page, past the director and straight back', acts.clientIsAnsweredDirectly],
  ['Taken off again', acts.hostIsAsBefore],
]

class Interrupted extends Error {
  readonly exitCode: number
  constructor(signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP') {
    super(`interrupted by ${signal}`)
    this.exitCode = 128 + constants.signals[signal]
  }
}

// A signal makes the story fail rather than the process end: so everything is taken down in order.
const interruption = new Promise<never>((_, reject) => {
  // Not once: with no listener left, execa's own lets the signal end the process.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => reject(new Interrupted(signal)))
})

try {
  await run()
} catch (error) {
  const message = error instanceof Error ? error.message : String(error)
  narrator.failure(error instanceof AssertionError ? `not true: ${message}` : message)
  process.exitCode = error instanceof Interrupted ? error.exitCode : 1
}

async function run(): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error('it needs root, to make network namespaces: use sudo')
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
  narrator.title('rs-agent: a real server that never answers ARP for the VIP')
  narrator.line(
    `   client 10.10.10.10   director 10.10.10.11 (owns ${vip})   rs1 10.10.10.12   rs2 10.10.10.13`,
  )
  narrator.line("   One Ethernet segment of network namespaces; this machine's own network is not touched.")
}

function conclude(durationMs: number): void {
  narrator.line()
  narrator.title(`All of it true, in ${Math.round(durationMs / 1000)} s. On a real host, next:`)
  narrator.line()
  narrator.line('   sudo install -d -m 755 /etc/rs-agent')
  narrator.line("   sudo tee /etc/rs-agent/config.yaml <<'END'")
  for (const each of config.trimEnd().split('\n')) narrator.line(`   ${each}`)
  narrator.line('   END')
  narrator.line('   sudo rs-agent plan      # what it would change; README says how to install it')
  narrator.line('   sudo rs-agent apply')
  narrator.line('   sudo rs-agent verify')
}
