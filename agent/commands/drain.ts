import { AgentError } from '../errors.ts'
import { wantedRealServer } from '../realserver/desired.ts'
import { beginDrain, endDrain, type Waited, waitUntilQuiet, withdraw } from '../realserver/drain/drain.ts'
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
  refuseContradiction(options, limitMs, quietMs)
  const config = loadInvocationConfig(invocation)
  await changeHost(invocation, host => beginDrain(host, wantedRealServer(config, root)))
  const wanted = wantedRealServer(config, root)
  const waited = options.wait ? await waitWithProgress(invocation, wanted, limitMs, quietMs) : null
  if (waited?.kind === 'stopped')
    throw new AgentError(
      'failed',
      `stopped by ${waited.by}: this host stays drained`,
      '`rs-agent drain` waits again; `rs-agent undrain` takes it back into rotation',
    )
  if (options.unbind && waited?.kind === 'quiet')
    await changeHost(invocation, (host, watching) => {
      // It took a while: somebody may have taken it back into rotation.
      const now = wantedRealServer(config, root)
      if (now.drain === 'in rotation')
        throw new AgentError(
          'failed',
          'somebody has taken this host back into rotation',
          'nothing was unbound',
        )
      return withdraw(host, config, now, watching, 'withdrawn')
    })
  const unbound = wantedRealServer(config, root).drain === 'withdrawn'
  const connections = waited === null ? null : waited.kind === 'quiet' ? 0 : waited.connections
  if (terminal.json)
    terminal.document({ drained: true, quiet: waited?.kind === 'quiet', connections, unbound })
  else terminal.line(`rs-agent drain: this host is out of rotation${whatIsLeft(waited, { unbound })}`)
  return waited?.kind === 'busy' ? 1 : 0
}

function refuseContradiction({ unbind, wait }: DrainOptions, limitMs: number, quietMs: number): void {
  if (unbind && !wait)
    throw new AgentError(
      'usage',
      '--unbind waits for clients: it does not go with --no-wait',
      'leave one out',
    )
  if (wait && limitMs < quietMs)
    throw new AgentError(
      'usage',
      `--limit: ${limitMs / 1000} s are over before it can have been quiet for ${quietMs / 1000} s (--quiet)`,
      'wait longer, or ask for a shorter quiet',
    )
}

function whatIsLeft(
  waited: Exclude<Waited, { kind: 'stopped' }> | null,
  { unbound }: { unbound: boolean },
): string {
  if (waited === null) return ''
  if (waited.kind === 'busy') {
    const who =
      waited.connections === 0 ? 'clients still come' : `it still has ${countOf(waited.connections)}`
    return `, and ${who}; \`rs-agent drain\` waits for them again`
  }
  return unbound ? ', has no connections, and its VIPs are not bound' : ', and has no connections'
}

/** Takes this host back into rotation, once it is proved to be fit for it. */
export async function undrainCommand(invocation: Invocation): Promise<number> {
  const { terminal, root } = invocation
  const config = loadInvocationConfig(invocation)
  // Before rights and locks are asked for.
  wantedRealServer(config, root)
  const { changed, checks } = await changeHost(invocation, async (host, watching) => {
    const wanted = wantedRealServer(config, root)
    const checks = await endDrain(host, config, wanted, watching)
    return { changed: wanted.drain !== 'in rotation', checks }
  })
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
): Promise<Waited> {
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
