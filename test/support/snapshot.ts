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
  const [both, rules6, qdiscs, ruleset, sysctls] = await Promise.all([
    ipTables(
      namespace,
      ['-d'],
      ['link', 'addr', 'route show table all', 'rule', 'neigh', 'neigh show proxy'],
    ),
    ipTables(namespace, ['-6'], ['rule']),
    namespace.run('tc', ['-j', 'qdisc', 'show']).then((text): Entry[] => JSON.parse(text)),
    namespace.run('nft', ['-j', 'list', 'ruleset']),
    namespace.run('grep', ['-r', ...arpSysctlFiles, '', '/proc/sys/net/ipv4/conf']),
  ])
  const [links, addresses, routes, rules, neighbours, proxies] = both.map(withoutTicking)
  return {
    links: links ?? [],
    addresses: addresses?.map(({ ifname, addr_info }) => ({ ifname, addr_info })) ?? [],
    routes: routes ?? [],
    rules: [...(rules ?? []), ...rules6.flat()],
    ...neighbourSections(neighbours ?? [], proxies ?? []),
    qdiscs,
    filters: await filtersOf(namespace, qdiscs),
    firewall: withoutTicking(JSON.parse(ruleset).nftables.filter((entry: Entry) => !('metainfo' in entry))),
    arpSysctls: sysctlValues(sysctls),
  }
}

/** When links that were just made have come up and have their addresses. */
export async function takeSettledSnapshot(namespace: Namespace): Promise<Snapshot> {
  for (let last = await takeSnapshot(namespace); ; ) {
    const next = await takeSnapshot(namespace)
    if (differences(last, next).length === 0) return next
    last = next
  }
}

export type Section = keyof Snapshot

/** One line for each entry that is in only one of the two, like `addresses: + {…}`. */
export function differences(
  before: Snapshot,
  after: Snapshot,
  { except = [] }: { except?: Section[] } = {},
): string[] {
  const sections = (Object.keys(before) as Section[]).filter(section => !except.includes(section))
  return sections.flatMap(section => {
    const old = entriesOf(before[section])
    const now = entriesOf(after[section])
    const gone = old.filter(entry => !now.includes(entry)).map(entry => `${section}: - ${entry}`)
    const come = now.filter(entry => !old.includes(entry)).map(entry => `${section}: + ${entry}`)
    return [...gone, ...come]
  })
}

async function ipTables(namespace: Namespace, options: string[], commands: string[]): Promise<Entry[][]> {
  const input = `${commands.join('\n')}\n`
  const documents = await namespace.run('ip', ['-j', ...options, '-batch', '-'], { input })
  return documents
    .trim()
    .split('\n')
    .map(document => JSON.parse(document))
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

const arpSysctlFiles = ['arp_ignore', 'arp_announce', 'arp_filter', 'rp_filter'].map(
  name => `--include=${name}`,
)

function sysctlValues(lines: string): Record<string, string> {
  const pairs = lines.split('\n').map(line => line.split(':'))
  return Object.fromEntries(pairs.map(([path, value]) => [path, value]).sort())
}

function entriesOf(section: Snapshot[Section]): string[] {
  if (Array.isArray(section)) return section.map(entry => JSON.stringify(entry))
  return Object.entries(section).map(([path, value]) => `${path} = ${value}`)
}
