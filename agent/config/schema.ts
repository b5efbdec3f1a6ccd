import * as v from 'valibot'
import { type IpAddress, type IpNetwork, parseIpAddress, parseNetwork, whyNotVip } from '../model/address.ts'

/**
 * The configuration file, section by section as DESIGN names them. Messages complete the sentence
 * "expected ..., received ...".
 */

const text = (expected: string) => v.pipe(v.string(expected), v.nonEmpty(expected))

const ADDRESS = 'an IPv4 or IPv6 address such as 10.10.10.100'
export const ipAddress = v.pipe(
  v.string(ADDRESS),
  v.check(value => parseIpAddress(value) !== null, ADDRESS),
  v.transform(value => parseIpAddress(value) as IpAddress),
)

const vipAddress = v.pipe(
  ipAddress,
  v.check(
    address => whyNotVip(address) === null,
    issue => `an address that clients can reach, not ${whyNotVip(issue.input)}`,
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
const nicName = v.pipe(
  v.string(NIC),
  v.check(
    name => /^[^\s/]{1,15}$/.test(name) && !['.', '..', 'all', 'default', 'lo'].includes(name),
    `${NIC}, other than lo`,
  ),
)

/** A list is judged item by item, so that a message points at the item. */
const interfaces = v.lazy(input =>
  Array.isArray(input)
    ? v.pipe(
        v.array(nicName),
        v.minLength(1, 'at least one network interface'),
        noTwoAlike(name => name),
      )
    : v.literal('auto', 'auto, or a list of network interfaces'),
)

const PORT_NUMBER = 'a port number from 1 to 65535'
const portNumber = v.pipe(
  v.number(PORT_NUMBER),
  v.integer(PORT_NUMBER),
  v.minValue(1, PORT_NUMBER),
  v.maxValue(65_535, PORT_NUMBER),
)

/** A YAML map with just these keys; valibot by itself would take a list for one. */
const section = <T extends v.ObjectEntries>(entries: T, what: string) =>
  v.pipe(
    v.custom<Record<string, unknown>>(
      value => typeof value === 'object' && value !== null && !Array.isArray(value),
      what,
    ),
    v.strictObject(entries, what),
  )

const list = <T extends v.GenericSchema>(item: T, what: string) => v.array(item, `a list of ${what}`)

const NETWORK = 'an address or a network such as 10.0.0.0/8'
const network = v.pipe(
  v.string(NETWORK),
  v.check(value => parseNetwork(value) !== null, NETWORK),
  v.transform(value => parseNetwork(value) as IpNetwork),
)

const DURATION = 'a time such as 500ms, 2s or 1m'
const UNIT_MS = { ms: 1, s: 1_000, m: 60_000 }
/** Milliseconds; at most a day, so that no timer overflows. */
const duration = v.pipe(
  v.string(DURATION),
  v.regex(/^[1-9][0-9]{0,7}(ms|s|m)$/, DURATION),
  v.transform(
    value => Number.parseInt(value, 10) * UNIT_MS[value.replace(/[0-9]+/, '') as keyof typeof UNIT_MS],
  ),
  v.maxValue(86_400_000, 'at most one day'),
)

const STATUS = 'an HTTP status from 100 to 599'
const path = v.pipe(
  text('a path that starts with /'),
  v.regex(/^\/[\x21-\x7e]*$/, 'a path that starts with /, percent-encoded, without spaces'),
)

/** What `service-answers` asks of the web server behind a VIP; the same words as a director's check. */
const vipCheck = section(
  {
    type: v.picklist(['http', 'https'], 'http or https'),
    port: v.optional(portNumber),
    path: v.optional(path, '/'),
    host: v.optional(v.pipe(text('a host name'), v.regex(/^[\w.:[\]-]+$/, 'a host name'))),
    status: v.optional(
      v.pipe(v.number(STATUS), v.integer(STATUS), v.minValue(100, STATUS), v.maxValue(599, STATUS)),
    ),
    body: v.optional(text('text that the body contains')),
    timeout: v.optional(duration, '2s'),
  },
  'a check: { type, port, path, host, status, body, timeout }',
)

const vip = section(
  {
    address: vipAddress,
    ports: v.optional(list(port, 'ports'), []),
    check: v.optional(vipCheck),
  },
  'a VIP: { address, ports, check }',
)

const nfsMount = section(
  {
    source: v.pipe(text('HOST:/PATH'), v.regex(/^[^\s/]+:\/\S*$/, 'HOST:/PATH')),
    target: v.pipe(text('an absolute path'), v.startsWith('/', 'an absolute path')),
    options: v.optional(text('mount options'), 'ro,nfsvers=4.2'),
  },
  'an NFS mount: { source, target, options }',
)

const httpd = section(
  {
    server: v.optional(v.picklist(['apache', 'nginx'], 'apache or nginx'), 'apache'),
    port: v.optional(portNumber, 80),
    root: v.optional(
      v.pipe(text('an absolute path'), v.startsWith('/', 'an absolute path')),
      '/var/www/html',
    ),
    healthPath: v.optional(
      v.pipe(text('a path that starts with /'), v.startsWith('/', 'a path that starts with /')),
      '/',
    ),
  },
  'a web server: { server, port, root, healthPath }',
)

const realServer = v.pipe(
  section(
    {
      vips: v.pipe(
        list(vip, 'VIPs'),
        v.minLength(1, 'at least one VIP'),
        noTwoAlike(item => item.address, 'address'),
      ),
      interfaces: v.optional(interfaces, 'auto'),
      directors: v.optional(
        v.pipe(
          list(ipAddress, 'addresses'),
          noTwoAlike(item => item),
        ),
        [],
      ),
      siblings: v.optional(
        v.pipe(
          list(ipAddress, 'addresses'),
          noTwoAlike(item => item),
        ),
        [],
      ),
      clients: v.optional(list(network, 'addresses and networks'), []),
      nfs: v.optional(list(nfsMount, 'NFS mounts')),
      httpd: v.optional(httpd),
    },
    'the real-server role: { vips, interfaces, directors, siblings, clients }',
  ),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return
    const { vips, directors, siblings } = dataset.value
    const refuse = (key: 'directors' | 'siblings', index: number, message: string): void =>
      addIssue({ message, path: pathOf(dataset.value, [key, index]) })
    const isVip = (address: IpAddress): boolean => vips.some(vip => vip.address === address)
    directors.forEach((director, index) => {
      if (isVip(director)) refuse('directors', index, "the director's own address (DIP), not a VIP")
    })
    siblings.forEach((sibling, index) => {
      if (isVip(sibling)) refuse('siblings', index, "the real server's own address (RIP), not a VIP")
      if (directors.includes(sibling)) refuse('siblings', index, 'a real server, not one of the directors')
    })
  }),
)

export const configuration = v.pipe(
  section(
    {
      realServer: v.optional(realServer),
      // Read by the director commands alone, which bring its schema with them.
      director: v.optional(v.looseObject({}, 'the director role')),
      minimumAvailable: v.optional(
        v.pipe(text('a share such as 50%'), v.regex(/^(100|[1-9]?[0-9])%$/, 'a share such as 50%')),
      ),
    },
    'a map with the sections realServer and director',
  ),
  v.check(
    config => config.realServer !== undefined || config.director !== undefined,
    'at least one role: realServer or director',
  ),
)

export type HttpCheck = v.InferOutput<typeof vipCheck>

export type Configuration = v.InferOutput<typeof configuration>

/** Points at the second of two like items. */
function noTwoAlike<T>(key: (item: T) => string, field?: string): v.RawCheckAction<T[]> {
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
function pathOf(input: unknown, keys: readonly (string | number)[]): IssuePath {
  const items: v.IssuePathItem[] = []
  let here = input
  for (const key of keys) {
    const value: unknown = (here as Record<string | number, unknown>)[key]
    items.push({ type: 'unknown', origin: 'value', input: here, key, value })
    here = value
  }
  return items as IssuePath
}
