import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { AgentError } from '../errors.ts'
import { type Commands, lastWordsOf, mustRun } from './commands.ts'

/** How a unit of the service starter is. */
export interface UnitState {
  /** Started at boot. */
  enabled: boolean
  /** Running, or a mount that is mounted. */
  active: boolean
  /** An administrator forbade to start it. */
  masked: boolean
}

/** What starts services at boot and keeps an eye on them; unit names with their ending. */
export interface InitSystem {
  /** Whether the kernel lets it wait at a folder until somebody comes; in a container it often does not. */
  readonly automounts: boolean
  /** In the order of the names; null where there is no such unit. */
  states(names: readonly string[]): Promise<(UnitState | null)[]>
  enable(name: string): Promise<void>
  disable(name: string): Promise<void>
  start(name: string): Promise<void>
  stop(name: string): Promise<void>
  reload(name: string): Promise<void>
  /** Has it read the units' files again. */
  readFilesAgain(): Promise<void>
}

/** Starting a web server includes its own timeouts. */
const LIMIT_MS = 90_000

/** Systemd, where it booted the host (sd_booted(3)); null anywhere else. */
export function initSystemBelow(root: string, commands: Commands): InitSystem | null {
  if (!existsSync(join(root, 'run/systemd/system'))) return null
  const systemctl = (...args: string[]): Promise<string> => {
    const name = args.at(-1) ?? ''
    return mustRun(commands, ['systemctl', '--no-ask-password', ...args], {
      timeoutMs: LIMIT_MS,
      hint: `systemctl status ${name}; journalctl -u ${name} -n 20`,
    })
  }
  return {
    automounts: existsSync(join(root, 'dev/autofs')),
    states: names => unitStates(commands, names),
    enable: async name => void (await systemctl('enable', '--quiet', name)),
    disable: async name => void (await systemctl('disable', '--quiet', name)),
    start: async name => void (await systemctl('start', name)),
    stop: async name => void (await systemctl('stop', name)),
    reload: async name => void (await systemctl('reload', name)),
    readFilesAgain: async () => void (await systemctl('daemon-reload')),
  }
}

const PROPERTIES = ['LoadState', 'ActiveState', 'UnitFileState']
const RUNNING = new Set(['active', 'reloading', 'activating'])
const AT_BOOT = new Set(['enabled', 'enabled-runtime', 'static', 'alias', 'generated', 'indirect'])

async function unitStates(commands: Commands, names: readonly string[]): Promise<(UnitState | null)[]> {
  if (names.length === 0) return []
  const args = ['show', `--property=${PROPERTIES.join(',')}`, '--', ...names]
  const result = await commands.run('systemctl', args, { timeoutMs: LIMIT_MS })
  if (result?.exitStatus !== 0)
    throw new AgentError(
      'failed',
      `systemctl show: ${result === null ? 'there is no such program' : lastWordsOf(result)}`,
      'does systemd answer? systemctl status',
    )
  // One block for each name, with an empty line between them.
  const blocks = result.stdout.split('\n\n')
  return names.map((_, index) => parseUnit(blocks[index] ?? ''))
}

function parseUnit(block: string): UnitState | null {
  const values = new Map(block.split('\n').map(line => line.split('=', 2) as [string, string]))
  const load = values.get('LoadState')
  if (load === 'not-found' || load === undefined) return null
  return {
    enabled: AT_BOOT.has(values.get('UnitFileState') ?? ''),
    active: RUNNING.has(values.get('ActiveState') ?? ''),
    masked: load === 'masked',
  }
}
