import { openPinger, type Pinger } from '../../host/pinger.ts'
import { type AddressFamily, familyOf } from '../../model/address.ts'
import { attempt } from './attempt.ts'
import type { Check, CheckTarget } from './check.ts'
import type { Config } from './kinds.ts'
import { Shared } from './shared.ts'

const pingers = new Shared<Pinger>(family => openPinger(Number(family) as AddressFamily))

/** The real server's host answers a ping. */
export function openIcmpCheck({ timeout }: Config<'icmp'>, { address }: CheckTarget): Check {
  const membership = pingers.join(String(familyOf(address)))
  return {
    key: JSON.stringify(['icmp', address, timeout]),
    try: signal =>
      attempt(timeout, signal, found => {
        const pinger = membership.get()
        const stop = pinger.ask(address, {
          answered: () => found.pass(),
          broke(why) {
            membership.discard(pinger)
            found.unknown(`cannot hear: ${why}`)
          },
        })
        return { stop, expire: () => found.fail(`no answer to a ping within ${timeout} ms`) }
      }),
    close: () => membership.leave(),
  }
}
