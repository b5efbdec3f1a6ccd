import { attempt } from './attempt.ts'
import type { Check, CheckTarget } from './check.ts'
import { connect, hangUp } from './connection.ts'
import type { Config } from './kinds.ts'

/** The real server takes a connection. */
export function openTcpCheck(config: Config<'tcp'>, target: CheckTarget): Check {
  const { address } = target
  const { timeout, port = target.port } = config
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
