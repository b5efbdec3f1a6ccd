import { RUN_LOCK } from '../director/rotation-report.ts'
import { runDirector } from '../director/run.ts'
import { requireCapability } from '../host/capabilities.ts'
import { fileStamp } from '../host/file-stamp.ts'
import { withLock } from '../host/lock.ts'
import { keepHeapSmall } from '../host/small-heap.ts'
import { configFileOf, type Invocation, loadInvocationConfig, withHost } from './invocation.ts'
import { printEvent, untilStopped } from './running.ts'

/** Keeps this host the configured director with healthy real servers, until SIGTERM or SIGINT; SIGHUP reads the configuration again. */
export async function directorRunCommand(invocation: Invocation): Promise<number> {
  const { root, terminal } = invocation
  requireCapability('CAP_NET_ADMIN', 'change the table of virtual services')
  const file = configFileOf(invocation)
  keepHeapSmall()
  await untilStopped((signal, onReload) =>
    withLock(
      root,
      () =>
        withHost(invocation, host =>
          runDirector({
            host,
            load: () => loadInvocationConfig(invocation),
            stamp: () => fileStamp(file),
            log: event => printEvent(terminal, event),
            signal,
            onReload,
          }),
        ),
      RUN_LOCK,
      ANOTHER_RUN,
    ),
  )
  return 0
}

const ANOTHER_RUN = {
  who: 'another `rs-agent director run` looks after this host',
  hint: '`rs-agent director status` says which process; stop that one first',
}
