import * as v from 'valibot'
import { duration, section, text } from './values.ts'

/** The section `service`: how `rs-agent run` behaves, and where it tells how this host is. */

const LISTEN = 'ADDRESS:PORT such as 127.0.0.1:9580, unix:/PATH, or none'

/** Where the status page, the metrics and /healthz are: a TCP address, a Unix socket, or nowhere. */
export type Listen = { host: string; port: number } | { socket: string } | 'none'

const listen = v.pipe(
  text(LISTEN),
  v.check(value => parseListen(value) !== null, LISTEN),
  v.transform(value => parseListen(value) as Listen),
)

export const service = section(
  {
    /** Loopback unless told: what it says is nobody else's business. */
    listen: v.optional(listen, '127.0.0.1:9580'),
    /** Milliseconds between two looks at everything, whatever was heard meanwhile. */
    resyncInterval: v.optional(duration, '60s'),
    /** What becomes of a VIP when this host cannot be kept silent: a black hole is better than a stolen site. */
    onAudible: v.optional(v.picklist(['unbind', 'keep'], 'unbind or keep'), 'unbind'),
    /** What SIGTERM does: `keep` leaves this host as it is, `remove` takes the real-server role off. */
    onStop: v.optional(v.picklist(['keep', 'remove'], 'keep or remove'), 'keep'),
  },
  'the service: { listen, resyncInterval, onAudible, onStop }',
)

export type ServiceConfig = v.InferOutput<typeof service>

/** What holds where the section is not written. */
export const SERVICE_DEFAULTS: ServiceConfig = v.parse(service, {})

function parseListen(text: string): Listen | null {
  if (text === 'none') return 'none'
  if (text.startsWith('unix:/')) return { socket: text.slice('unix:'.length) }
  const [, ipv6, ipv4, portText] =
    /^(?:\[([0-9a-fA-F:]+)\]|([0-9.]+|localhost)):([1-9][0-9]{0,4})$/.exec(text) ?? []
  const port = Number(portText)
  const host = ipv6 ?? ipv4
  return host === undefined || !(port <= 65_535) ? null : { host, port }
}
