import { AgentError } from '../errors.ts'
import { type Commands, lastWordsOf } from '../host/commands.ts'
import { SERVICE_UNIT } from '../model/service-units.ts'

/** How the service is, as systemd tells. */
export interface ServiceState {
  installed: boolean
  /** Started at boot. */
  enabled: boolean
  /** `active`, `activating` (it waits to be started again, or is about to be ready), `failed` and so on. */
  state: string
  /** Since when it is in that state, ISO 8601; null where it never was in another. */
  since: string | null
  mainPid: number | null
  /** How often systemd has started it again, by itself. */
  restarts: number
  /** What the service says of itself, one line; empty where it says nothing. */
  says: string
}

const PROPERTIES = [
  'LoadState',
  'ActiveState',
  'UnitFileState',
  'StateChangeTimestampMonotonic',
  'MainPID',
  'NRestarts',
  'StatusText',
]
const LIMIT_MS = 10_000

export async function serviceState(commands: Commands): Promise<ServiceState> {
  const args = ['show', `--property=${PROPERTIES.join(',')}`, '--', SERVICE_UNIT]
  const result = await commands.run('systemctl', args, { timeoutMs: LIMIT_MS })
  if (result?.exitStatus !== 0)
    throw new AgentError(
      'failed',
      `systemctl show: ${result === null ? 'there is no such program' : lastWordsOf(result)}`,
      'does systemd answer? systemctl status',
    )
  return parseState(result.stdout)
}

function parseState(text: string): ServiceState {
  const values = new Map(text.split('\n').map(line => [line.split('=', 1)[0], line.replace(/^[^=]*=/, '')]))
  const number = (name: string): number => Number(values.get(name) ?? 0)
  const sinceUs = number('StateChangeTimestampMonotonic')
  return {
    installed: values.get('LoadState') === 'loaded',
    enabled: values.get('UnitFileState') === 'enabled',
    state: values.get('ActiveState') ?? '',
    since: sinceUs === 0 ? null : wallClock(sinceUs),
    mainPid: number('MainPID') || null,
    restarts: number('NRestarts'),
    says: values.get('StatusText') ?? '',
  }
}

/** Of microseconds since the boot (CLOCK_MONOTONIC), which a step of the clock does not move. */
function wallClock(monotonicUs: number): string {
  const agoMs = Number(process.hrtime.bigint() / 1_000_000n) - monotonicUs / 1_000
  return new Date(Date.now() - agoMs).toISOString()
}

const WORDS_LINES = 3

/** What the service has printed last since then, in one line; empty where no journal tells. */
export async function lastWordsOfService(commands: Commands, since: Date): Promise<string> {
  const options = { timeoutMs: LIMIT_MS }
  await commands.run('journalctl', ['--sync'], options)
  const sinceOption = `--since=@${Math.floor(since.getTime() / 1_000)}`
  const words = ['--quiet', '--boot', '--no-pager', '--output=cat', `--lines=${WORDS_LINES}`, sinceOption]
  // By this field only what its processes said, not what systemd says of them.
  const result = await commands.run('journalctl', [...words, `_SYSTEMD_UNIT=${SERVICE_UNIT}`], options)
  if (result?.exitStatus !== 0) return ''
  const lines = result.stdout.split('\n').map(line => line.trim())
  return [...new Set(lines.filter(line => line !== ''))].join('; ')
}

/** One that could not be started is otherwise listed as failed even when its file is gone. */
export async function resetFailed(commands: Commands, names: readonly string[]): Promise<void> {
  // It fails for units that are not failed, or unknown by now.
  for (const name of names) await commands.run('systemctl', ['reset-failed', name], { timeoutMs: LIMIT_MS })
}
