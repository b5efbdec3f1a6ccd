import type { Config } from '../config/load.ts'
import { SERVICE_DEFAULTS } from '../config/service.ts'
import { RUN_LOCK } from '../director/rotation-report.ts'
import { runDirector } from '../director/run.ts'
import { openHost } from '../host/host.ts'
import { type Holder, withLock } from '../host/lock.ts'
import { releaseRealServer } from '../realserver/converge.ts'
import { RealServerKeeper } from '../realserver/keep/keeper.ts'
import { KEEP_LOCK } from '../realserver/keep/report.ts'

export interface ServiceOptions {
  root: string
  /** Reads the configuration file; throws AgentError when it is wrong. */
  load(): Config
  /** Text that differs when the file has changed. */
  stamp(): string
  log(event: { level: 'info' | 'warning'; subject: string; message: string }): void
  signal: AbortSignal
  onReload(listener: () => void): void
}

/** Keeps this host what its configuration says, in each of its roles, until the signal. */
export async function runService(options: ServiceOptions): Promise<void> {
  const { realServer, director } = options.load()
  // One role that cannot go on ends the other: whoever started the service starts both again.
  const ending = new AbortController()
  const signal = AbortSignal.any([options.signal, ending.signal])
  const roles = [
    ...(realServer === undefined ? [] : [() => keepRealServer({ ...options, signal })]),
    ...(director === undefined ? [] : [() => keepDirector({ ...options, signal })]),
  ]
  const failures: unknown[] = []
  await Promise.all(
    roles.map(role =>
      role().catch(error => {
        failures.push(error)
        ending.abort()
      }),
    ),
  )
  if (failures.length > 0) throw failures[0]
}

async function keepRealServer(options: ServiceOptions): Promise<void> {
  const { root, load, signal } = options
  const host = openHost(root)
  try {
    await withLock(
      root,
      async () => {
        const keeper = new RealServerKeeper({
          ...options,
          host,
          onReady: () => undefined,
          onAlive: () => undefined,
        })
        await keeper.run()
        const { onStop } = load().service ?? SERVICE_DEFAULTS
        if (!signal.aborted || onStop === 'keep') return
        const watching = { signal: new AbortController().signal, onProgress: () => undefined }
        await withLock(root, () => releaseRealServer(host, watching, { packages: 'keep' }))
      },
      KEEP_LOCK,
      ANOTHER_RUN,
    )
  } finally {
    host.close()
  }
}

async function keepDirector(options: ServiceOptions): Promise<void> {
  const host = openHost(options.root)
  try {
    await withLock(options.root, () => runDirector({ ...options, host }), RUN_LOCK, ANOTHER_RUN)
  } finally {
    host.close()
  }
}

const ANOTHER_RUN: Holder = {
  who: 'another `rs-agent run` looks after this host',
  hint: '`rs-agent status` says which process; stop that one first',
}
