import { AgentError } from '../errors.ts'
import { wantedRealServer } from '../realserver/desired.ts'
import { beginDrain, endDrain, waitUntilQuiet, withdraw } from '../realserver/drain/drain.ts'
import { changeHost, type Invocation, loadInvocationConfig, untilSignal } from './invocation.ts'

export interface DrainOptions {
  /** Seconds to wait for connections to end. */
  limit: string
  /** Seconds without anybody. */
  quiet: string
  wait: boolean
  unbind: boolean
}

/** Takes this host out of rotation and waits for its clients; 0 when none is left, 1 when some are. */
export async function drainCommand(invocation: Invocation, options: DrainOptions): Promise<number> {
  const { terminal, root } = invocation
  const limitMs = parseSeconds('--limit', options.limit)
  const quietMs = parseSeconds('--quiet', options.quiet)
  if (options.unbind && !options.wait)
    throw new AgentError(
      'usage',
      '--unbind waits for clients: it does not go with --no-wait',
      'leave one out',
    )
  const config = loadInvocationConfig(invocation)
  await changeHost(invocation, host => beginDrain(host, wantedRealServer(config, root)))
  const wanted = wantedRealServer(config, root)
  const connections = options.wait ? await waitWithProgress(invocation, wanted, limitMs, quietMs) : null
  const unbinds = options.unbind && connections === 0 && wanted.drain !== 'withdrawn'
  if (unbinds)
    await changeHost(invocation, (host, watching) => withdraw(host, config, wanted, watching, 'withdrawn'))
  const unbound = unbinds || wanted.drain === 'withdrawn'
  if (terminal.json) terminal.document({ drained: true, connections, unbound })
  else terminal.line(`rs-agent drain: this host is out of rotation${whatIsLeft(connections, { unbound })}`)
  return connections === null || connections === 0 ? 0 : 1
}

function whatIsLeft(connections: number | null, { unbound }: { unbound: boolean }): string {
  if (connections === null) return ''
  if (connections > 0)
    return `, and still has ${countOf(connections)}; \`rs-agent drain\` waits for them again`
  return unbound ? ', has no connections, and its VIPs are not bound' : ', and has no connections'
}

/** Takes this host back into rotation, once it is proved to be fit for it. */
export async function undrainCommand(invocation: Invocation): Promise<number> {
  const { terminal, root } = invocation
  const config = loadInvocationConfig(invocation)
  const wanted = wantedRealServer(config, root)
  const checks = await changeHost(invocation, (host, watching) => endDrain(host, config, wanted, watching))
  const changed = wanted.drain !== 'in rotation'
  if (terminal.json) terminal.document({ drained: false, changed, checks })
  else
    terminal.line(
      changed
        ? `rs-agent undrain: this host is in rotation again; ${checks.length} checks passed first`
        : 'rs-agent undrain: this host was not drained',
    )
  return 0
}

async function waitWithProgress(
  { terminal }: Invocation,
  wanted: ReturnType<typeof wantedRealServer>,
  limitMs: number,
  quietMs: number,
): Promise<number> {
  const deadline = performance.now() + limitMs
  try {
    return await untilSignal(signal =>
      waitUntilQuiet(wanted, {
        limitMs,
        quietMs,
        signal,
        onCount: ({ open }) => {
          const leftSeconds = Math.ceil((deadline - performance.now()) / 1000)
          terminal.progress(`${countOf(open)}, waiting for ${leftSeconds} s more`)
        },
      }),
    )
  } finally {
    terminal.progress(null)
  }
}

function countOf(connections: number): string {
  return connections === 1 ? '1 connection' : `${connections} connections`
}

function parseSeconds(option: string, text: string): number {
  const seconds = Number(text)
  if (text !== '' && Number.isFinite(seconds) && seconds >= 0) return seconds * 1000
  throw new AgentError(
    'usage',
    `${option}: ${JSON.stringify(text)} is not a number of seconds`,
    'write one such as 300',
  )
}
