import * as v from 'valibot'
import { duration, list, path, pathOf, portNumber, section, text, wholeNumber } from './values.ts'

/** What a server is asked, and what it must answer: the same words for both roles. */

const httpStatus = wholeNumber(100, 599, 'an HTTP status from 100 to 599')

const httpFields = {
  port: v.optional(portNumber),
  path: v.optional(path, '/'),
  host: v.optional(v.pipe(text('a host name'), v.regex(/^[\w.:[\]-]+$/, 'a host name'))),
  body: v.optional(text('text that the body contains')),
}

/** What `service-answers` asks of the web server behind a VIP. */
export const vipCheck = section(
  {
    type: v.picklist(['http', 'https'], 'http or https'),
    ...httpFields,
    status: v.optional(httpStatus),
    timeout: v.optional(duration, '2s'),
  },
  'a check: { type, port, path, host, status, body, timeout }',
)

export type HttpCheck = v.InferOutput<typeof vipCheck>

const STATUSES = 'an HTTP status from 100 to 599, or a range of them such as 200-299'
const statusRange = v.pipe(
  v.string(STATUSES),
  v.regex(/^[1-5][0-9]{2}-[1-5][0-9]{2}$/, STATUSES),
  v.transform(text => text.split('-').map(Number) as [number, number]),
  v.check(([first, last]) => first <= last, STATUSES),
  v.transform(([first, last]) => Array.from({ length: last - first + 1 }, (_, index) => first + index)),
)
/** The statuses that are meant. */
const statusOrRange = v.lazy(input =>
  typeof input === 'string'
    ? statusRange
    : v.pipe(
        wholeNumber(100, 599, STATUSES),
        v.transform(status => [status]),
      ),
)

const count = wholeNumber(1, 100, 'a count from 1 to 100')

const JITTER = 'a share from 0% to 50%, such as 10%'
const share = v.pipe(
  v.string(JITTER),
  v.regex(/^(50|[1-4]?[0-9])%$/, JITTER),
  v.transform(value => Number.parseInt(value, 10) / 100),
)

/** When a director asks, and after how many answers it believes them. */
const timing = {
  interval: v.optional(duration, '2s'),
  /** Between tries once one has said otherwise, until that is believed or not; as the interval unless told. */
  retryInterval: v.optional(duration),
  /** May be longer than the interval: the next try waits for the end of the one before. */
  timeout: v.optional(duration),
  rise: v.optional(count, 2),
  fall: v.optional(count, 3),
  /** The share of the interval by which tries are spread. */
  jitter: v.optional(share, '10%'),
}

const directorHttpFields = {
  ...httpFields,
  method: v.optional(v.picklist(['GET', 'HEAD'], 'GET or HEAD'), 'GET'),
  /** Any of these; without it, one that is no error (200 to 399). */
  status: v.optional(
    v.pipe(
      oneOrMore(statusOrRange, 'HTTP statuses'),
      v.transform(statuses => statuses.flat()),
    ),
  ),
  ...timing,
}

const word = v.pipe(
  v.string('a word in quotes'),
  v.check(value => !value.includes('\0'), 'a word without a zero byte'),
)
const COMMAND = 'a command as a list of words, such as [/usr/local/bin/check-db, --fast]'

const ofType = <Type extends string, Entries extends v.ObjectEntries>(type: Type, entries: Entries) =>
  v.strictObject({ type: v.literal(type), ...entries })

const CHECK =
  'a check: { type, interval, retryInterval, timeout, rise, fall, jitter } and what is asked; { type: tcp, path: vip } asks the way of a client'
const oneCheck = v.pipe(
  v.custom<Record<string, unknown>>(
    value => typeof value === 'object' && value !== null && !Array.isArray(value),
    CHECK,
  ),
  v.variant(
    'type',
    [
      ofType('http', directorHttpFields),
      ofType('https', {
        ...directorHttpFields,
        verifyCertificate: v.optional(v.boolean('true or false'), false),
      }),
      ofType('tcp', {
        port: v.optional(portNumber),
        /** The way of a client: by the real server's own MAC, for the VIP. */
        path: v.optional(v.literal('vip', 'vip, the way of a client by direct routing')),
        ...timing,
      }),
      ofType('icmp', timing),
      ofType('command', {
        command: v.pipe(
          v.array(word, COMMAND),
          v.minLength(1, COMMAND),
          v.check(([program]) => program !== '', COMMAND),
        ),
        ...timing,
      }),
    ],
    'http, https, tcp, icmp or command',
  ),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return
    if ('method' in dataset.value && dataset.value.method === 'HEAD' && dataset.value.body !== undefined)
      addIssue({ message: 'no body where the method is HEAD', path: pathOf(dataset.value, ['body']) })
  }),
  v.transform(check => ({
    ...check,
    timeout: check.timeout ?? Math.min(USUAL_TIMEOUT_MS, check.interval),
    retryInterval: check.retryInterval ?? check.interval,
  })),
)

const USUAL_TIMEOUT_MS = 1_000

/** What a director asks of each real server, again and again: one check, or a list of which all must pass. */
export const directorChecks = oneOrMore(oneCheck, 'checks')

/** One check. `interval`, `retryInterval` and `timeout` in milliseconds, `jitter` as a share of 1. */
export type DirectorCheckConfig = v.InferOutput<typeof oneCheck>

/** One item or a list of them; a list either way. A union would hide what is wrong with the one that was meant. */
function oneOrMore<Item extends v.GenericSchema>(item: Item, what: string) {
  const several = v.pipe(list(item, what), v.minLength(1, `at least one of the ${what}`))
  const one = v.pipe(
    item,
    v.transform(value => [value]),
  )
  return v.lazy(input => (Array.isArray(input) ? several : one))
}
