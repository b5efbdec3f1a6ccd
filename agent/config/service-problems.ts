import { familyOf, type IpAddress, withPort } from '../model/address.ts'
import type { DirectorCheckConfig } from './check.ts'
import type { DirectorConfig, RealServerConfig, ServiceConfig } from './director.ts'

/** What is wrong with a virtual service that no single field of it can tell. */

export interface Problem {
  path: (string | number)[]
  message: string
}

/** What no single field can tell. */
export function serviceProblems(service: ServiceConfig): Problem[] {
  return [
    ...identityProblems(service),
    ...optionProblems(service),
    ...fallbackProblems(service),
    ...realServerProblems(service),
    ...checkProblems(service),
    ...slowStartProblems(service),
  ]
}

function identityProblems({ listen, firewallMark, vips = [], persistence }: ServiceConfig): Problem[] {
  if (listen === undefined && firewallMark === undefined)
    return [{ path: [], message: 'listen (VIP:PORT/PROTOCOL) or firewallMark' }]
  if (listen === undefined)
    return vips.flatMap((vip, index): Problem[] =>
      vips[0] === undefined || familyOf(vip) === familyOf(vips[0])
        ? []
        : [{ path: ['vips', index], message: 'VIPs of one family: a firewall mark has a service for each' }],
    )
  const problems: Problem[] = []
  if (firewallMark !== undefined)
    problems.push({ path: ['firewallMark'], message: 'either listen or firewallMark' })
  if (vips.length > 0)
    problems.push({ path: ['vips'], message: 'the VIPs of a firewallMark; listen names its own' })
  if (listen.port === 0 && persistence === undefined)
    problems.push({
      path: ['listen'],
      message: 'persistence beside port 0 (every port): the kernel takes it no other way',
    })
  return problems
}

function optionProblems(service: ServiceConfig): Problem[] {
  const { listen, scheduler, schedulerFlags, onePacket, persistence, forwarding, tunnel } = service
  const problems: Problem[] = []
  if (schedulerFlags.length > 0 && scheduler !== 'sh' && scheduler !== 'mh')
    problems.push({ path: ['schedulerFlags'], message: 'flags for sh or mh alone' })
  if (onePacket && listen !== undefined && listen.protocol !== 'udp')
    problems.push({ path: ['onePacket'], message: 'one-packet scheduling for udp alone' })
  if (tunnel !== undefined && forwarding !== 'tunnel' && !usesTunnel(service))
    problems.push({ path: ['tunnel'], message: 'a tunnel where forwarding is tunnel' })
  if (tunnel !== undefined && (tunnel.type === 'gue') !== (tunnel.port !== undefined))
    problems.push({
      path: ['tunnel', ...(tunnel.port === undefined ? [] : ['port'])],
      message: 'a port for gue, and for gue alone',
    })
  if (tunnel?.type === 'ipip' && tunnel.checksum !== 'none')
    problems.push({ path: ['tunnel', 'checksum'], message: 'a checksum for gue or gre' })
  if (tunnel?.type === 'gre' && tunnel.checksum === 'remote')
    problems.push({ path: ['tunnel', 'checksum'], message: 'none or full for gre' })
  if (persistence?.engine === 'sip' && listen !== undefined && listen.protocol !== 'udp')
    problems.push({ path: ['persistence', 'engine'], message: 'the sip engine for udp alone' })
  const wrongMask = whyNotMask(persistence?.netmask, familyOfService(service))
  if (wrongMask !== null) problems.push({ path: ['persistence', 'netmask'], message: wrongMask })
  return problems
}

function fallbackProblems(service: ServiceConfig): Problem[] {
  const { listen, realServers, forwarding, fallback } = service
  if (fallback === undefined) return []
  const family = familyOfService(service)
  if (familyOf(fallback.address) !== family && forwarding !== 'tunnel')
    return [
      {
        path: ['fallback'],
        message: `an IPv${family} address, as the service is (only a tunnel crosses families)`,
      },
    ]
  // The table has one entry for both: nobody could say which of them its weight is for.
  const isRealServer = realServers.some(
    ({ address, port = listen?.port ?? 0 }) => address === fallback.address && port === fallback.port,
  )
  return isRealServer
    ? [
        {
          path: ['fallback'],
          message: 'another server than the real servers, which are all out when it serves',
        },
      ]
    : []
}

function usesTunnel({ realServers }: ServiceConfig): boolean {
  return realServers.some(({ forwarding }) => forwarding === 'tunnel')
}

/** A firewall mark is of the family of its VIPs, else of its real servers, else of its fallback. */
export function familyOfService({ listen, vips, realServers, fallback }: ServiceConfig): 4 | 6 {
  const address = listen?.address ?? vips?.[0] ?? realServers[0]?.address ?? fallback?.address
  return address === undefined ? 4 : familyOf(address)
}

function whyNotMask(netmask: IpAddress | number | undefined, family: 4 | 6): string | null {
  if (netmask === undefined) return null
  if (typeof netmask === 'number') return family === 6 || netmask <= 32 ? null : 'at most 32 for IPv4'
  if (family === 6) return 'a prefix length such as 64 for IPv6'
  return maskLength(netmask) === null ? 'a netmask such as 255.255.255.0' : null
}

/** 24 of 255.255.255.0; null when it is no netmask. */
export function maskLength(mask: IpAddress): number | null {
  if (familyOf(mask) === 6) return null
  const bits = mask
    .split('.')
    .map(part => Number(part).toString(2).padStart(8, '0'))
    .join('')
  return /^1+0*$/.test(bits) ? bits.lastIndexOf('1') + 1 : null
}

function realServerProblems(service: ServiceConfig): Problem[] {
  const family = familyOfService(service)
  const seen = new Set<string>()
  return service.realServers.flatMap((server, index): Problem[] => {
    const { address, port = service.listen?.port ?? 0, upperThreshold, lowerThreshold } = server
    const forwarding = server.forwarding ?? service.forwarding
    const path = ['realServers', index]
    const problems: Problem[] = []
    const name = withPort(address, port)
    if (seen.has(name)) problems.push({ path: [...path, 'address'], message: `every real server once` })
    seen.add(name)
    if (familyOf(address) !== family && forwarding !== 'tunnel')
      problems.push({
        path: [...path, 'address'],
        message: `an IPv${family} address, as the service is (only a tunnel crosses families)`,
      })
    if (service.listen?.address === address || service.vips?.includes(address) === true)
      problems.push({
        path: [...path, 'address'],
        message: "the real server's own address (RIP), not the VIP",
      })
    if (server.port !== undefined && server.port !== service.listen?.port && forwarding !== 'masquerade')
      problems.push({
        path: [...path, 'port'],
        message: `the port of the service: ${forwarding} cannot change it, only masquerade can`,
      })
    if (lowerThreshold > upperThreshold)
      problems.push({
        path: [...path, 'lowerThreshold'],
        message: `at most upperThreshold, ${upperThreshold}`,
      })
    return problems
  })
}

function checkProblems(service: ServiceConfig): Problem[] {
  const { check = [], realServers } = service
  const others = realServers.filter(server => server.check === undefined)
  return [
    ...problemsOfChecks(check, ['check'], others, service),
    ...realServers.flatMap((server, index) =>
      problemsOfChecks(server.check ?? [], ['realServers', index, 'check'], [server], service),
    ),
  ]
}

/** The real servers are those that these checks are for. */
function problemsOfChecks(
  checks: readonly DirectorCheckConfig[],
  at: Problem['path'],
  realServers: readonly RealServerConfig[],
  { listen, vips, forwarding: method }: ServiceConfig,
): Problem[] {
  const hasPort = realServers.every(({ port }) => (port ?? listen?.port ?? 0) > 0)
  return checks.flatMap((check, index): Problem[] => {
    const path = [...at, ...(checks.length === 1 ? [] : [index])]
    if (check.type !== 'tcp') return []
    if (check.port === undefined && !hasPort)
      return [{ path, message: 'a port in the check: the service does not tell one' }]
    if (check.path === undefined) return []
    if ((listen?.protocol ?? 'tcp') !== 'tcp')
      return [{ path, message: 'path: vip for tcp alone, whose servers answer whoever knocks' }]
    if (listen === undefined && vips === undefined)
      return [{ path, message: 'the vips of the firewall mark beside path: vip' }]
    return realServers.every(({ forwarding = method }) => forwarding === 'direct-route')
      ? []
      : [{ path, message: 'path: vip for direct-route alone, which sends to the MAC of the real server' }]
  })
}

/** Those that choose by weight for each new connection; sh would give every client another real server at each step. */
const BY_WEIGHT: readonly string[] = ['wrr', 'wlc', 'sed', 'nq', 'lblc', 'lblcr', 'mh', 'twos']
/** A slow start begins with a tenth, and IPVS has whole weights: smaller ones have no such steps. */
const SMALLEST_SLOW_WEIGHT = 10

function slowStartProblems({ slowStart, scheduler, realServers }: ServiceConfig): Problem[] {
  if (slowStart === undefined) return []
  const message = `a weight of ${SMALLEST_SLOW_WEIGHT} or more (or 0) beside slowStart, which gives it in steps: give weights of 10 or more, such as 100 to all`
  return [
    ...(BY_WEIGHT.includes(scheduler)
      ? []
      : [
          {
            path: ['scheduler'],
            message: `${BY_WEIGHT.join(', ')} beside slowStart: it is no use where weights are not what counts`,
          },
        ]),
    ...realServers.flatMap(({ weight }, index): Problem[] =>
      weight === 0 || weight >= SMALLEST_SLOW_WEIGHT
        ? []
        : [{ path: ['realServers', index, 'weight'], message }],
    ),
  ]
}

/** What no single service can tell. */
export function directorProblems({ services, syncDaemon }: DirectorConfig): Problem[] {
  return [...overlaps(services), ...(syncDaemon === undefined ? [] : mixedFamilies(services))]
}

/** The kernel starts no sync daemon beside such a real server, and takes none beside a sync daemon. */
function mixedFamilies(services: readonly ServiceConfig[]): Problem[] {
  return services.flatMap((service, index) => {
    const family = familyOfService(service)
    return service.realServers.flatMap(({ address }, number): Problem[] =>
      familyOf(address) === family
        ? []
        : [
            {
              path: ['services', index, 'realServers', number, 'address'],
              message: `an IPv${family} address beside a sync daemon, which cannot tell of others`,
            },
          ],
    )
  })
}

/** Two services that would have to share what clients send. */
function overlaps(services: readonly ServiceConfig[]): Problem[] {
  const byAddress = new Map<string, Map<number, number>>()
  const byMark = new Map<string, number>()
  return services.flatMap((service, index): Problem[] => {
    const { listen, firewallMark } = service
    if (listen === undefined) {
      const key = `${firewallMark} ${familyOfService(service)}`
      const first = byMark.get(key)
      byMark.set(key, first ?? index)
      const message = `every firewall mark once; services[${first}] has it too`
      return first === undefined ? [] : [{ path: ['services', index, 'firewallMark'], message }]
    }
    const ports = byAddress.get(`${listen.address} ${listen.protocol}`) ?? new Map<number, number>()
    byAddress.set(`${listen.address} ${listen.protocol}`, ports)
    const other =
      ports.get(listen.port) ?? ports.get(0) ?? (listen.port === 0 ? [...ports.values()][0] : undefined)
    const isSame = other !== undefined && ports.get(listen.port) === other
    if (!ports.has(listen.port)) ports.set(listen.port, index)
    if (other === undefined) return []
    const message = isSame
      ? `every virtual service once; services[${other}] is the same`
      : `no overlap; services[${other}] has ports of the same VIP and protocol (port 0 is every port)`
    return [{ path: ['services', index, 'listen'], message }]
  })
}

/** The length that stands for one client alone. */
export function clientPrefixLength({ persistence, ...service }: ServiceConfig): number {
  const { netmask } = persistence ?? {}
  if (typeof netmask === 'number') return netmask
  if (netmask !== undefined) return maskLength(netmask) ?? 32
  return familyOfService({ persistence, ...service }) === 4 ? 32 : 128
}
