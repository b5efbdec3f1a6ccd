import { SERVICE_DEFAULTS } from '../config/service.ts'
import { RUN_LOCK } from '../director/rotation-report.ts'
import { type Host, openHost } from '../host/host.ts'
import { type Holder, withLock } from '../host/lock.ts'
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
  /** Null for a real server. */
  table(): Promise<DirectorView | null>
  close(): void
}

interface RoleOptions extends ServiceOptions {
  /** Called when it becomes ready. */
  onReady(): void
}

/** Each role is imported when the configuration has it: they are most of what this process keeps in its memory. */
export function openRole(name: RoleName, options: RoleOptions): Promise<Role> {
  return name === 'director' ? openDirector(options) : openRealServer(options)
}

/** The kernel's table is read no more often, however many look at the page. */
const TABLE_MS = 1_000
/** Without a sign of life for so long its event loop is blocked, or its work never ends. */
const SILENT_MS = 5_000

async function openRealServer(options: RoleOptions): Promise<Role> {
  const { root, load, signal } = options
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
    run: () =>
      withLock(
        root,
        async () => {
          await keeper.run()
          if (signal.aborted && (load().service ?? SERVICE_DEFAULTS).onStop === 'remove') await release(host)
        },
        KEEP_LOCK,
        ANOTHER_RUN,
      ),
    isReady: () => isReady,
    isAlive: () => performance.now() - aliveAtMs < SILENT_MS,
    report: () => keeper.report(),
    table: async () => null,
    close: () => host.close(),
  }
}

async function release(host: Host): Promise<void> {
  const { releaseRealServer } = await import('../realserver/converge.ts')
  const watching = { signal: new AbortController().signal, onProgress: () => undefined }
  await withLock(host.files.root, () => releaseRealServer(host, watching, { packages: 'keep' }))
}

async function openDirector(options: RoleOptions): Promise<Role> {
  const { root } = options
  const { runDirector } = await import('../director/run.ts')
  const { lookAtDirector } = await import('./endpoint/director-view.ts')
  const { remembered } = await import('./endpoint/remembered.ts')
  const host = openHost(root)
  let isReady = false
  const onReady = (): void => {
    isReady = true
    options.onReady()
  }
  return {
    run: () => withLock(root, () => runDirector({ ...options, host, onReady }), RUN_LOCK, ANOTHER_RUN),
    isReady: () => isReady,
    isAlive: () => true,
    report: () => null,
    table: remembered(() => lookAtDirector(host), TABLE_MS),
    close: () => host.close(),
  }
}

const ANOTHER_RUN: Holder = {
  who: 'another `rs-agent run` looks after this host',
  hint: '`rs-agent status` says which process; stop that one first',
}
