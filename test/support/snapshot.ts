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
  /** arp_ignore, arp_announce, arp_filter and rp_filter of every NIC, by path. */
  arpSysctls: Record<string, string>
}

type Entry = Record<string, unknown>

/** The kernel's network state, without what ticks by itself, so that two snapshots of an idle host are equal. */
export async function takeSnapshot(namespace: Namespace): Promise<Snapshot> {
  const [both, rules6, qdiscs, sysctls] = await Promise.all([
    ipTables(
      namespace,
      ['-d'],
      ['link', 'addr', 'route show table all', 'rule', 'neigh', 'neigh show proxy'],
    ),
    ipTables(namespace, ['-6'], ['rule']),
    namespace.run('tc', ['-j', 'qdisc', 'show']),
    namespace.run('grep', ['-r', ...arpSysctlFiles, '', '/proc/sys/net/ipv4/conf']),
  ])
  const [links, addresses, routes, rules, neighbours, proxies] = both.map(withoutTicking)
  return {
    links: links ?? [],
    addresses: addresses?.map(({ ifname, addr_info }) => ({ ifname, addr_info })) ?? [],
    routes: routes ?? [],
    rules: [...(rules ?? []), ...rules6.flat()],
    ...neighbourSections(neighbours ?? [], proxies ?? []),
    qdiscs: JSON.parse(qdiscs),
    arpSysctls: sysctlValues(sysctls),
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

// Lifetimes count down; linkinfo holds a bridge's timers and a macvlan's counters.
const ticking = new Set(['valid_life_time', 'preferred_life_time', 'expires', 'linkinfo'])

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
