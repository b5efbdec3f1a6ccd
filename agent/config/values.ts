import * as v from 'valibot'
import {
  type IpAddress,
  type IpNetwork,
  parseIpAddress,
  parseNetwork,
  whyNotRealServer,
  whyNotVip,
} from '../model/address.ts'
import { MAX_TIMEOUT_SECONDS } from '../model/ipvs-limits.ts'
import { whyNotMountOptions } from '../model/mount-options.ts'

/** The kinds of values in a configuration file. Messages complete the sentence "expected ..., received ...". */

export const text = (expected: string) => v.pipe(v.string(expected), v.nonEmpty(expected))

const ADDRESS = 'an IPv4 or IPv6 address such as 10.10.10.100'
export const ipAddress = v.pipe(
  v.string(ADDRESS),
  v.check(value => parseIpAddress(value) !== null, ADDRESS),
  v.transform(value => parseIpAddress(value) as IpAddress),
)

export const vipAddress = v.pipe(
  ipAddress,
  v.check(
    address => whyNotVip(address) === null,
    issue => `an address that clients can reach, not ${whyNotVip(issue.input)}`,
  ),
)

export const realServerAddress = v.pipe(
  ipAddress,
  v.check(
    address => whyNotRealServer(address) === null,
    issue => `the address of a host, not ${whyNotRealServer(issue.input)}`,
  ),
)

const PORT = 'a port from 1 to 65535 and a protocol, such as 80/tcp'
export const port = v.pipe(
  v.string(PORT),
  v.check(
    value => /^[1-9][0-9]{0,4}\/(tcp|udp|sctp)$/.test(value) && Number.parseInt(value, 10) <= 65_535,
    PORT,
  ),
)

/** The kernel's limit is IFNAMSIZ, 16 with the terminating zero; `/` and white space are not allowed in it. */
const NIC = 'the name of a network interface such as eth0'
export const nicName = v.pipe(
  v.string(NIC),
  v.check(
    name => /^[^\s/]{1,15}$/.test(name) && !['.', '..', 'all', 'default', 'lo'].includes(name),
    `${NIC}, other than lo`,
  ),
)

export const wholeNumber = (min: number, max: number, what: string) =>
  v.pipe(v.number(what), v.integer(what), v.minValue(min, what), v.maxValue(max, what))

export const portNumber = wholeNumber(1, 65_535, 'a port number from 1 to 65535')

/** A YAML map with just these keys; valibot by itself would take a list for one. */
export const section = <T extends v.ObjectEntries>(entries: T, what: string) =>
  v.pipe(
    v.custom<Record<string, unknown>>(
      value => typeof value === 'object' && value !== null && !Array.isArray(value),
      what,
    ),
    v.strictObject(entries, what),
  )

export const list = <T extends v.GenericSchema>(item: T, what: string) => v.array(item, `a list of ${what}`)

const NETWORK = 'an address or a network such as 10.0.0.0/8'
export const network = v.pipe(
  v.string(NETWORK),
  v.check(value => parseNetwork(value) !== null, NETWORK),
  v.transform(value => parseNetwork(value) as IpNetwork),
)

const DURATION = 'a time such as 500ms, 2s or 1m'
const UNIT_MS = { ms: 1, s: 1_000, m: 60_000 }
const milliseconds = v.pipe(
  v.string(DURATION),
  v.regex(/^[1-9][0-9]{0,9}(ms|s|m)$/, DURATION),
  v.transform(
    value => Number.parseInt(value, 10) * UNIT_MS[value.replace(/[0-9]+/, '') as keyof typeof UNIT_MS],
  ),
)
/** The longest time that this process itself waits, in seconds: a day, so that no timer overflows. */
export const MAX_WAIT_SECONDS = 86_400
/** Milliseconds. */
export const duration = v.pipe(milliseconds, v.maxValue(MAX_WAIT_SECONDS * 1000, 'at most one day'))

const SECONDS = 'a time of whole seconds such as 90s or 5m'
/** Seconds of a time that IPVS waits, not this process. */
export const durationSeconds = v.pipe(
  milliseconds,
  v.check(value => value % 1000 === 0, SECONDS),
  v.transform(value => value / 1000),
  v.maxValue(MAX_TIMEOUT_SECONDS, 'at most 31 days'),
)

export const path = v.pipe(
  text('a path that starts with /'),
  v.regex(/^\/[\x21-\x7e]*$/, 'a path that starts with /, percent-encoded, without spaces'),
  v.check(isDecodable, 'a path in which %25 stands for a percent sign, and %C3%A9 for an é in UTF-8'),
)

/** A query is the application's own: only a path is the name of a page. */
function isDecodable(value: string): boolean {
  try {
    decodeURIComponent(value.replace(/[?#].*/, ''))
    return true
  } catch {
    return false
  }
}

const FOLDER = 'an absolute path of a folder, such as /var/www/html'
/** Without a slash at its end, and without . and .. in it: it is compared with what the kernel tells. */
export const folder = v.pipe(
  text(FOLDER),
  v.check(value => /^(\/[^/\p{Cc}]+)+\/?$/u.test(value) && !/\/\.\.?(\/|$)/.test(value), FOLDER),
  v.transform(value => value.replace(/\/$/, '')),
)

const NFS_SOURCE = 'what is mounted, as SERVER:/PATH'
export const nfsSource = v.pipe(
  text(NFS_SOURCE),
  v.regex(/^(?:[\w.-]+|\[[0-9a-fA-F:.%\w]+\]):\/[^\s\p{Cc}]*$/u, NFS_SOURCE),
)

const MOUNT_OPTIONS = 'mount options with commas between them, such as ro,nfsvers=4.2'
/** None at all is an empty text. */
export const mountOptions = v.pipe(
  v.string(MOUNT_OPTIONS),
  v.regex(/^([\w.:=+/@%-]+(,[\w.:=+/@%-]+)*)?$/, MOUNT_OPTIONS),
  v.check(
    value => whyNotMountOptions(value) === null,
    issue => whyNotMountOptions(issue.input) ?? MOUNT_OPTIONS,
  ),
)

const UPSTREAM = 'an application as ADDRESS:PORT, such as 10.10.20.1:8080'
export const upstream = v.pipe(
  v.string(UPSTREAM),
  v.check(value => parseUpstream(value) !== null, UPSTREAM),
  v.transform(value => parseUpstream(value) as Upstream),
)

interface Upstream {
  address: IpAddress
  port: number
}

function parseUpstream(text: string): Upstream | null {
  const [, ipv6, ipv4 = '', portText] =
    /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):([1-9][0-9]{0,4})$/.exec(text) ?? []
  const address = parseIpAddress(ipv6 ?? ipv4)
  const port = Number(portText)
  return address === null || !(port <= 65_535) ? null : { address, port }
}

/** Points at the second of two like items. */
export function noTwoAlike<T>(key: (item: T) => string, field?: string): v.RawCheckAction<T[]> {
  return v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return
    const seen = new Set<string>()
    dataset.value.forEach((item, index) => {
      const value = key(item)
      if (seen.has(value))
        addIssue({
          message: `every ${field ?? 'item'} once`,
          path: pathOf(dataset.value, field === undefined ? [index] : [index, field]),
        })
      seen.add(value)
    })
  })
}

type IssuePath = [v.IssuePathItem, ...v.IssuePathItem[]]

/** valibot wants a path as the chain of values that lead to the place. */
export function pathOf(input: unknown, keys: readonly (string | number)[]): IssuePath {
  const items: v.IssuePathItem[] = []
  let here = input
  for (const key of keys) {
    const value: unknown = (here as Record<string | number, unknown>)[key]
    items.push({ type: 'unknown', origin: 'value', input: here, key, value })
    here = value
  }
  return items as IssuePath
}
