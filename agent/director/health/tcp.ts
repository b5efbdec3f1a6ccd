import { attempt } from './attempt.ts'
import type { Check, CheckTarget } from './check.ts'
import { connect, hangUp } from './connection.ts'
import type { Config } from './kinds.ts'
import { openPathCheck } from './path.ts'

/** The real server takes a connection. */
export function openTcpCheck(config: Config<'tcp'>, target: CheckTarget): Check {
  const { address, vip } = target
  const { timeout, port = target.port } = config
  // The configuration has seen to it that there is one.
  if (config.path === 'vip' && vip !== null) return openPathCheck(config, { ...target, vip })
  return {
    key: JSON.stringify(['tcp', address, port, timeout]),
    try: signal =>
      attempt(timeout, signal, found => {
        const socket = connect({ address, port }, found, null)
        socket.on('connect', () => found.pass())
        return {
          stop: () => hangUp(socket),
          expire: () => found.fail(`no answer to a SYN for port ${port} within ${timeout} ms`),
        }
      }),
    close() {},
  }
}
