import type { Config } from '../config/load.ts'
import { isNothing, type Remaining, setDrained, waitForConnections } from '../director/drain.ts'
import { AgentError } from '../errors.ts'
import { type IpAddress, parseIpAddress } from '../model/address.ts'
import { changeHost, type Invocation, loadInvocationConfig, untilSignal, withHost } from './invocation.ts'

export interface DrainOptions {
  /** Seconds to wait for connections to end. */
  limit: string
  wait: boolean
}

/** Gives a real server no new connections and waits for those it has; 0 when none is left, 1 when some are. */
export async function directorDrainCommand(
  invocation: Invocation,
  rip: string,
  { limit, wait }: DrainOptions,
): Promise<number> {
  const { terminal } = invocation
  const address = parseRip(rip)
  const limitMs = parseLimitMs(limit)
  const config = loadInvocationConfig(invocation)
  const changed = await changeHost(invocation, (host, watching) =>
    setDrained(host, config, address, 'drained', watching),
  )
  const left = wait ? await waitWithProgress(invocation, config, address, limitMs) : null
  if (terminal.json) terminal.document({ address, changed, drained: true, ...(left ?? NOT_COUNTED) })
  else terminal.line(`rs-agent director drain: ${address} gets no new connections${whatIsLeft(left)}`)
  return left === null || isNothing(left) ? 0 : 1
}

const NOT_COUNTED = { activeConnections: null, persistentClients: null }

function whatIsLeft(left: Remaining | null): string {
  if (left === null) return ''
  if (isNothing(left)) return ', and has none left'
  return `, and still has ${remainingText(left)}; drain it again to wait longer`
}

function remainingText({ activeConnections, persistentClients }: Remaining): string {
  const active = activeConnections === 1 ? '1 active connection' : `${activeConnections} active connections`
  const clients = persistentClients === 1 ? '1 persistent client' : `${persistentClients} persistent clients`
  return persistentClients === 0 ? active : `${active} and ${clients}`
}

/** Takes a real server back into rotation. */
export async function directorUndrainCommand(invocation: Invocation, rip: string): Promise<number> {
  const { terminal } = invocation
  const address = parseRip(rip)
  const config = loadInvocationConfig(invocation)
  const changed = await changeHost(invocation, (host, watching) =>
    setDrained(host, config, address, 'in rotation', watching),
  )
  if (terminal.json) terminal.document({ address, changed, drained: false })
  else
    terminal.line(
      `rs-agent director undrain: ${address} ${changed ? 'is in rotation again, as far as its checks pass' : 'was not drained'}`,
    )
  return 0
}

async function waitWithProgress(
  invocation: Invocation,
  config: Config,
  address: IpAddress,
  limitMs: number,
): Promise<Remaining> {
  const { terminal } = invocation
  const deadline = performance.now() + limitMs
  try {
    return await untilSignal(signal =>
      withHost(invocation, host =>
        waitForConnections(host, config, address, {
          limitMs,
          signal,
          onCount: left => {
            const leftSeconds = Math.ceil((deadline - performance.now()) / 1000)
            terminal.progress(`${address}: ${remainingText(left)}, waiting for ${leftSeconds} s more`)
          },
        }),
      ),
    )
  } finally {
    terminal.progress(null)
  }
}

function parseRip(text: string): IpAddress {
  const address = parseIpAddress(text)
  if (address !== null) return address
  throw new AgentError(
    'usage',
    `${JSON.stringify(text)} is not an IP address`,
    'name a real server by its RIP',
  )
}

function parseLimitMs(text: string): number {
  const seconds = Number(text)
  if (text !== '' && Number.isFinite(seconds) && seconds >= 0) return seconds * 1000
  throw new AgentError(
    'usage',
    `--limit: ${JSON.stringify(text)} is not a number of seconds`,
    'write one such as 300',
  )
}
