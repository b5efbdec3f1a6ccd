import { requireCapability } from '../host/capabilities.ts'
import { filesBelow } from '../host/files.ts'
import { serviceManagerOf } from '../host/service-manager.ts'
import { keepCodeSmall, keepHeapSmall } from '../host/small-heap.ts'
import { type LoggedEvent, openJournal } from '../service/journal.ts'
import { openConfigSource } from '../service/last-good.ts'
import { runService } from '../service/run.ts'
import { VERSION } from '../version.ts'
import { configFileOf, type Invocation, loadInvocationConfig } from './invocation.ts'
import { printEvent, untilStopped } from './running.ts'

/** Keeps this host what its configuration says, until SIGTERM or SIGINT; SIGHUP reads the configuration again. */
export async function runCommand(invocation: Invocation): Promise<number> {
  const { root, terminal } = invocation
  const file = configFileOf(invocation)
  const files = filesBelow(root)
  // Before rights are asked for.
  const source = openConfigSource(files, file, () => loadInvocationConfig(invocation))
  const { director } = source.load()
  requireCapability('CAP_NET_ADMIN', 'change addresses, routes and sysctls')
  keepHeapSmall()
  // A director makes a thousand checks a second.
  if (director === undefined) keepCodeSmall()
  // With --json whoever reads wants one document on each line.
  const journal = terminal.json ? null : openJournal(process.env)
  const log = journal ?? ((event: LoggedEvent) => printEvent(terminal, event))
  const complain = (message: string) => log({ level: 'warning', subject: '', message })
  const manager = serviceManagerOf(process.env, complain)
  if (source.refused() !== null) complain(`${source.refused()}: the last good configuration is used`)
  await untilStopped((signal, onReload) =>
    runService({
      ...source,
      root,
      log,
      manager,
      version: VERSION,
      signal,
      onReload,
    }),
  )
  return 0
}
