import { requireCapability } from '../host/capabilities.ts'
import { fileStamp } from '../host/file-stamp.ts'
import { keepHeapSmall } from '../host/small-heap.ts'
import { runService } from '../service/run.ts'
import { configFileOf, type Invocation, loadInvocationConfig } from './invocation.ts'
import { printEvent, untilStopped } from './running.ts'

/** Keeps this host what its configuration says, until SIGTERM or SIGINT; SIGHUP reads the configuration again. */
export async function runCommand(invocation: Invocation): Promise<number> {
  const { root, terminal } = invocation
  const file = configFileOf(invocation)
  const load = () => loadInvocationConfig(invocation)
  // Before rights are asked for.
  load()
  requireCapability('CAP_NET_ADMIN', 'change addresses, routes and sysctls')
  keepHeapSmall()
  await untilStopped((signal, onReload) =>
    runService({
      root,
      load,
      stamp: () => fileStamp(file),
      log: event => printEvent(terminal, event),
      signal,
      onReload,
    }),
  )
  return 0
}
