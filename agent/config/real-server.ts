import * as v from 'valibot'
import type { IpAddress } from '../model/address.ts'
import { vipCheck } from './check.ts'
import {
  ipAddress,
  list,
  network,
  nicName,
  noTwoAlike,
  pathOf,
  port,
  portNumber,
  section,
  text,
  vipAddress,
} from './values.ts'

/** The section `realServer`, as DESIGN names it. */

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

export const realServer = v.pipe(
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
