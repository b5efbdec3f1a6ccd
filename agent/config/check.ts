import * as v from 'valibot'
import { duration, path, portNumber, section, text, wholeNumber } from './values.ts'

/** What a server is asked, and what it must answer: the same words for both roles. */

const httpFields = {
  port: v.optional(portNumber),
  path: v.optional(path, '/'),
  host: v.optional(v.pipe(text('a host name'), v.regex(/^[\w.:[\]-]+$/, 'a host name'))),
  status: v.optional(wholeNumber(100, 599, 'an HTTP status from 100 to 599')),
  body: v.optional(text('text that the body contains')),
}

/** What `service-answers` asks of the web server behind a VIP. */
export const vipCheck = section(
  {
    type: v.picklist(['http', 'https'], 'http or https'),
    ...httpFields,
    timeout: v.optional(duration, '2s'),
  },
  'a check: { type, port, path, host, status, body, timeout }',
)

export type HttpCheck = v.InferOutput<typeof vipCheck>

const count = wholeNumber(1, 100, 'a count from 1 to 100')

/** What a director asks of each real server, again and again. */
export const directorCheck = section(
  {
    type: v.picklist(['http', 'https', 'tcp', 'icmp'], 'http, https, tcp or icmp'),
    ...httpFields,
    interval: v.optional(duration, '2s'),
    timeout: v.optional(duration, '1s'),
    rise: v.optional(count, 2),
    fall: v.optional(count, 3),
  },
  'a check: { type, port, path, host, status, body, interval, timeout, rise, fall }',
)
