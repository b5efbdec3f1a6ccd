import * as v from 'valibot'
import { type IpAddress, withPort } from '../model/address.ts'
import { vipCheck } from './check.ts'
import {
  folder,
  ipAddress,
  list,
  mountOptions,
  network,
  nfsSource,
  nicName,
  noTwoAlike,
  path,
  pathOf,
  port,
  portNumber,
  section,
  upstream,
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
    source: nfsSource,
    target: folder,
    /** Those of nfs(5); what is not named is chosen for a web server. */
    options: v.optional(mountOptions, ''),
  },
  'an NFS mount: { source, target, options }',
)

/** Below /.rs-agent the site answers by itself, and looks for the page: that one cannot lie there. */
const pagePath = v.pipe(
  path,
  v.check(
    value => !isOwnAnswer(value),
    'the path of a page of the site: below /.rs-agent it answers by itself, and looks for that page',
  ),
)

/** As a web server reads it: without its query and without dots, decoded, with slashes that say nothing left out. */
function isOwnAnswer(value: string): boolean {
  const text = `http://localhost${value}`
  if (!URL.canParse(text)) return false
  const name = new URL(text).pathname.replace(/%([0-9a-f]{2})/gi, (_, byte) =>
    String.fromCharCode(Number.parseInt(byte, 16)),
  )
  return /^\/+\.rs-agent(\/|$)/.test(name)
}

const httpd = v.pipe(
  section(
    {
      server: v.optional(v.picklist(['apache', 'nginx'], 'apache or nginx'), 'apache'),
      port: v.optional(portNumber, 80),
      root: v.optional(folder, '/var/www/html'),
      healthPath: v.optional(pagePath, '/'),
      /** Applications behind it, of the multi-level set-up; nothing is read from `root` then. */
      proxy: v.optional(
        v.pipe(
          list(upstream, 'applications'),
          v.minLength(1, 'at least one application'),
          noTwoAlike(({ address, port }) => withPort(address, port)),
        ),
      ),
    },
    'a web server: { server, port, root, healthPath, proxy }',
  ),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return
    const { server, proxy } = dataset.value
    if (proxy !== undefined && server !== 'nginx')
      addIssue({
        message: 'no applications behind apache: `server: nginx` passes requests on',
        path: pathOf(dataset.value, ['proxy']),
      })
  }),
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
      nfs: v.optional(
        v.pipe(
          list(nfsMount, 'NFS mounts'),
          noTwoAlike(item => item.target, 'target'),
        ),
        [],
      ),
      httpd: v.optional(httpd),
      packages: v.optional(v.picklist(['install', 'leave'], 'install or leave'), 'install'),
    },
    'the real-server role: { vips, interfaces, directors, siblings, clients, nfs, httpd, packages }',
  ),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return
    const { vips, directors, siblings, httpd } = dataset.value
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
    // Another VIP may be another service's; one without a list says nothing.
    const ports = vips.map(vip => vip.ports)
    if (httpd === undefined || ports.some(each => each.length === 0 || each.includes(`${httpd.port}/tcp`)))
      return
    addIssue({
      message: `a port that clients reach on a VIP, ${[...new Set(ports.flat())].join(', ')}, because direct routing cannot change it`,
      path: pathOf(dataset.value, ['httpd', 'port']),
    })
  }),
)
