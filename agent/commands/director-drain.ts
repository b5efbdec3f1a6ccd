import { setDrained, waitForConnections } from '../director/drain.ts'
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
  const active = wait ? await waitWithProgress(invocation, address, limitMs) : null
  if (terminal.json) terminal.document({ address, changed, drained: true, activeConnections: active })
  else
    terminal.line(
      active === null || active === 0
        ? `rs-agent director drain: ${address} gets no new connections${active === 0 ? ', and has none left' : ''}`
        : `rs-agent director drain: ${address} gets no new connections, and ${active} are still open; drain it again to wait longer`,
    )
  return active === null || active === 0 ? 0 : 1
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
  address: IpAddress,
  limitMs: number,
): Promise<number> {
  const { terminal } = invocation
  const deadline = performance.now() + limitMs
  try {
    return await untilSignal(signal =>
      withHost(invocation, host =>
        waitForConnections(host, address, {
          limitMs,
          signal,
          onCount: active => {
            const leftSeconds = Math.ceil((deadline - performance.now()) / 1000)
            terminal.progress(`${address}: ${active} active connections, waiting for ${leftSeconds} s more`)
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
