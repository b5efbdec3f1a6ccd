import { RUN_LOCK } from '../director/rotation-report.ts'
import { type Host, openHost } from '../host/host.ts'
import { type Holder, takeLock, withLockInTurn } from '../host/lock.ts'
import { KEEP_LOCK, type KeepReport } from '../realserver/keep/report.ts'
import type { DirectorView } from './endpoint/director-view.ts'
import type { ServiceOptions } from './run.ts'

export type RoleName = 'real server' | 'director'

/** What this host is kept. */
export interface Role {
  /** Until the signal; rejects when it cannot go on. */
  run(): Promise<void>
  isReady(): boolean
  /** False when its work has not come to an end for long. */
  isAlive(): boolean
  /** Null for a director. */
  report(): KeepReport | null
  /** Between two looks at everything, as configured now; null for a director. */
  resyncIntervalMs(): number | null
  /** Null for a real server. */
  table(): Promise<DirectorView | null>
  close(): void
}

interface RoleOptions extends ServiceOptions {
  /** Called when it becomes ready. */
  onReady(): void
}

/**
 * Each role is imported when the configuration has it: they are most of what this process keeps in its memory. Throws
 * `locked` where another process looks after this host.
 */
export function openRole(name: RoleName, options: RoleOptions): Promise<Role> {
  return name === 'director' ? openDirector(options) : openRealServer(options)
}

/** The kernel's table is read no more often, however many look at the page. */
const TABLE_MS = 1_000
/** Without a sign of life for so long its event loop is blocked, or its work never ends. */
const SILENT_MS = 5_000

async function openRealServer(options: RoleOptions): Promise<Role> {
  const { root, signal } = options
  const lock = takeLock(root, KEEP_LOCK, ANOTHER_RUN)
  const { RealServerKeeper } = await import('../realserver/keep/keeper.ts')
  const host = openHost(root)
  let isReady = false
  let aliveAtMs = performance.now()
  const keeper = new RealServerKeeper({
    ...options,
    host,
    onReady() {
      isReady = true
      options.onReady()
    },
    onAlive() {
      aliveAtMs = performance.now()
    },
  })
  return {
    async run() {
      await keeper.run()
      if (signal.aborted && keeper.onStop === 'remove') await release(host)
    },
    isReady: () => isReady,
    isAlive: () => performance.now() - aliveAtMs < SILENT_MS,
    report: () => keeper.report(),
    resyncIntervalMs: () => keeper.resyncIntervalMs,
    table: async () => null,
    close() {
      host.close()
      lock.release()
    },
  }
}

async function release(host: Host): Promise<void> {
  const { releaseRealServer } = await import('../realserver/converge.ts')
  const { signal } = new AbortController()
  const watching = { signal, onProgress: () => undefined }
  // What was set right at the last moment may not have come to its end yet.
  await withLockInTurn(host.files.root, () => releaseRealServer(host, watching, { packages: 'keep' }), signal)
}

async function openDirector(options: RoleOptions): Promise<Role> {
  const lock = takeLock(options.root, RUN_LOCK, ANOTHER_RUN)
  const { runDirector } = await import('../director/run.ts')
  const { lookAtDirector } = await import('./endpoint/director-view.ts')
  const { remembered } = await import('./endpoint/remembered.ts')
  const host = openHost(options.root)
  let isReady = false
  const onReady = (): void => {
    isReady = true
    options.onReady()
  }
  return {
    run: () => runDirector({ ...options, host, onReady }),
    isReady: () => isReady,
    isAlive: () => true,
    report: () => null,
    resyncIntervalMs: () => null,
    table: remembered(() => lookAtDirector(host), TABLE_MS),
    close() {
      host.close()
      lock.release()
    },
  }
}

const ANOTHER_RUN: Holder = {
  who: 'another `rs-agent run` looks after this host',
  hint: '`rs-agent status` says which process; stop that one first',
}
