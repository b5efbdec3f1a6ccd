import type { Namespace } from './namespace.ts'

export interface Snapshot {
  links: unknown[]
  addresses: unknown[]
  routes: unknown[]
  rules: unknown[]
  /** Permanent and proxy entries: what somebody configured. */
  configuredNeighbours: unknown[]
  /** What the kernel learned from traffic. Its state (reachable, stale) ticks and is left out. */
  learnedNeighbours: unknown[]
  qdiscs: unknown[]
  /** Of every device that has a qdisc for them. */
  filters: unknown[]
  /** nftables of every family, without what their counters count. */
  firewall: unknown[]
  /** arp_ignore, arp_announce, arp_filter and rp_filter of every NIC, by path. */
  arpSysctls: Record<string, string>
}

type Entry = Record<string, unknown>

/** The kernel's network state, without what ticks by itself, so that two snapshots of an idle host are equal. */
export async function takeSnapshot(namespace: Namespace): Promise<Snapshot> {
  const output = await namespace.run('sh', ['-ec', listings.join('; echo --; ')])
  const [tables, tables6, qdiscLine = '[]', rulesetLine = '{}', sysctls = ''] = output.split('--\n')
  const [links, addresses, routes4, rules4, neighbours, proxies] = documentsOf(tables)
  const [routes6 = [], rules6 = []] = documentsOf(tables6)
  const qdiscs: Entry[] = JSON.parse(qdiscLine)
  const ruleset: Entry[] = JSON.parse(rulesetLine).nftables
  return {
    links: links ?? [],
    addresses: addresses?.map(({ ifname, addr_info }) => ({ ifname, addr_info })) ?? [],
    routes: [...(routes4 ?? []), ...routes6],
    rules: [...(rules4 ?? []), ...rules6],
    ...neighbourSections(neighbours ?? [], proxies ?? []),
    qdiscs,
    filters: await filtersOf(namespace, qdiscs),
    firewall: withoutTicking(ruleset.filter(entry => !('metainfo' in entry))),
    arpSysctls: sysctlValues(sysctls),
  }
}

const tables = ['link', 'addr', 'route show table all', 'rule', 'neigh', 'neigh show proxy']
const tables6 = ['route show table all', 'rule']
const arpSysctls = ['arp_ignore', 'arp_announce', 'arp_filter', 'rp_filter']

/** All in one process: a test takes many snapshots. */
const listings = [
  `printf '${tables.join('\\n')}\\n' | ip -j -d -batch -`,
  `printf '${tables6.join('\\n')}\\n' | ip -j -6 -batch -`,
  'tc -j qdisc show',
  // The demo does without: it installs no more than it shows.
  `if command -v nft >/dev/null; then nft -j list ruleset; else echo '{"nftables":[]}'; fi`,
  `grep -r ${arpSysctls.map(name => `--include=${name}`).join(' ')} '' /proc/sys/net/ipv4/conf`,
]

/** When links that were just made have come up and have their addresses. */
export async function takeSettledSnapshot(namespace: Namespace): Promise<Snapshot> {
  for (let last = await takeSnapshot(namespace); ; ) {
    const next = await takeSnapshot(namespace)
    if (differences(last, next).length === 0 && !isTesting(next)) return next
    last = next
  }
}

/** Duplicate address detection is under way: an address of its own accord comes to use within a second or two. */
function isTesting({ addresses }: Snapshot): boolean {
  const states = (addresses as { addr_info?: Entry[] }[]).flatMap(({ addr_info = [] }) => addr_info)
  return states.some(({ tentative, dadfailed }) => tentative === true && dadfailed !== true)
}

export type Section = keyof Snapshot

/** One line for each entry that is in only one of the two, like `addresses: + {…}`. */
export function differences<State extends Snapshot>(
  before: State,
  after: State,
  { except = [] }: { except?: readonly (keyof State)[] } = {},
): string[] {
  const sections = (Object.keys(before) as (keyof State & string)[]).filter(
    section => !except.includes(section),
  )
  return sections.flatMap(section => {
    const old = entriesOf(before[section])
    const now = entriesOf(after[section])
    const gone = old.filter(entry => !now.includes(entry)).map(entry => `${section}: - ${entry}`)
    const come = now.filter(entry => !old.includes(entry)).map(entry => `${section}: + ${entry}`)
    return [...gone, ...come]
  })
}

/** One JSON document on each line. */
function documentsOf(lines = ''): Entry[][] {
  const documents = lines.split('\n').filter(line => line !== '')
  return documents.map(document => withoutTicking(JSON.parse(document)))
}

function withoutTicking(entries: Entry[]): Entry[] {
  return JSON.parse(JSON.stringify(entries, (key, value) => (ticking.has(key) ? undefined : value)))
}

// Lifetimes count down; linkinfo holds a bridge's timers and a macvlan's counters, and rules may count packets.
const ticking = new Set(['valid_life_time', 'preferred_life_time', 'expires', 'linkinfo', 'packets', 'bytes'])

async function filtersOf(namespace: Namespace, qdiscs: Entry[]): Promise<Entry[]> {
  const devices = qdiscs.filter(({ kind }) => kind === 'clsact' || kind === 'ingress').map(({ dev }) => dev)
  const lists = [...new Set(devices)].flatMap(dev =>
    ['ingress', 'egress'].map(async (side): Promise<Entry[]> => {
      const { exitCode, stdout } = await namespace.spawn('tc', [
        '-j',
        'filter',
        'show',
        'dev',
        String(dev),
        side,
      ])
      // The device may have gone meanwhile; a NIC that stays away shows among the links.
      return exitCode === 0 ? JSON.parse(stdout || '[]').map((entry: Entry) => ({ dev, side, ...entry })) : []
    }),
  )
  return withoutTicking((await Promise.all(lists)).flat())
}

function neighbourSections(neighbours: Entry[], proxies: Entry[]) {
  const isPermanent = ({ state }: Entry) => Array.isArray(state) && state.includes('PERMANENT')
  return {
    configuredNeighbours: [...neighbours.filter(isPermanent), ...proxies],
    learnedNeighbours: neighbours
      .filter(entry => !isPermanent(entry))
      .map(({ dev, dst, lladdr = 'unresolved' }) => ({ dev, dst, lladdr })),
  }
}

function sysctlValues(lines: string): Record<string, string> {
  const pairs = lines.split('\n').map(line => line.split(':'))
  return Object.fromEntries(pairs.map(([path, value]) => [path, value]).sort())
}

function entriesOf(section: unknown): string[] {
  if (Array.isArray(section)) return section.map(entry => JSON.stringify(entry))
  return Object.entries(section as Record<string, string>).map(([path, value]) => `${path} = ${value}`)
}
