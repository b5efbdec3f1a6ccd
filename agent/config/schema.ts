import * as v from 'valibot'
import { type IpAddress, parseIpAddress, whyNotVip } from '../model/address.ts'

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

const vip = section(
  { address: vipAddress, ports: v.optional(list(port, 'ports'), []) },
  'a VIP: { address, ports }',
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
      nfs: v.optional(list(nfsMount, 'NFS mounts')),
      httpd: v.optional(httpd),
    },
    'the real-server role: { vips, interfaces, directors }',
  ),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return
    const { vips, directors } = dataset.value
    directors.forEach((director, index) => {
      if (vips.some(({ address }) => address === director))
        addIssue({
          message: "the director's own address (DIP), not a VIP",
          path: pathOf(dataset.value, ['directors', index]),
        })
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
