import { type Destination, type ServiceKey, serviceText } from '../../model/ipvs.ts'
import { duration, type Plain } from './express-parts.ts'
import {
  type Findings,
  type ImportedCheck,
  type ImportedRealServer,
  type ImportedService,
  type Place,
  warn,
} from './imported.ts'

/** Checks in the words of our configuration: those of the service, and of real servers that differ. */
export interface ExpressedChecks {
  /** Null: the service has none for all. */
  ofService: Plain | Plain[] | null
  ofRealServers: ReadonlyMap<ImportedRealServer, Plain | Plain[]>
}

/**
 * What most real servers are asked is written once, with the service. Not so where one of them is asked nothing: it
 * would be asked the same.
 */
export function expressChecks(
  { at, service: { key } }: ImportedService,
  servers: readonly ImportedRealServer[],
  findings: Findings,
): ExpressedChecks {
  // What is alike of several is told once.
  const own: Findings = { problems: findings.problems, warnings: [] }
  const lists = new Map(
    servers.map(server => [
      server,
      server.checks.flatMap(check => expressCheck(check, server.destination, { key, at }, own)),
    ]),
  )
  const told = new Map(own.warnings.map(warning => [warning.id + warning.message, warning]))
  findings.warnings.push(...told.values())
  const texts = [...lists.values()].map(list => JSON.stringify(list))
  const common = texts.includes('[]') ? undefined : mostCommon(texts)
  const ofService = common === undefined ? null : asWritten(JSON.parse(common) as Plain[])
  const others = [...lists].filter(([, list]) => list.length > 0 && JSON.stringify(list) !== common)
  return { ofService, ofRealServers: new Map(others.map(([server, list]) => [server, asWritten(list)])) }
}

export function mostCommon<T>(values: readonly T[]): T | undefined {
  const counts = new Map<T, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return [...counts].toSorted(([, left], [, right]) => right - left)[0]?.[0]
}

function asWritten(list: readonly Plain[]): Plain | Plain[] {
  const [first, ...others] = list
  return first !== undefined && others.length === 0 ? first : [...list]
}

const MAX_COUNT = 100

/** None when it cannot be asked; a warning says why. */
function expressCheck(
  check: ImportedCheck,
  destination: Destination,
  { key, at }: { key: ServiceKey; at: Place },
  findings: Findings,
): Plain[] {
  const { intervalMs, retryMs = intervalMs, timeoutMs, rise, fall, type, port, ...asked } = check
  const ownPort = portAsWritten(destination, key)
  if (type === 'tcp' && port === undefined && ownPort === 0) {
    const message = `nothing tells which port of the real servers of the ${serviceText(key)} is checked`
    warn(findings, at, 'check-without-port', message, 'write it: `check: { type: tcp, port: PORT }`')
    return []
  }
  const count = (value: number, name: string): number => {
    const message = `\`${name}\` is at most ${MAX_COUNT}, and this is ${value}`
    if (value > MAX_COUNT) warn(findings, at, 'check-count', message, 'nothing is to be done')
    return Math.min(value, MAX_COUNT)
  }
  return [
    {
      type,
      ...(port === undefined || port === ownPort ? {} : { port }),
      ...asked,
      interval: duration(intervalMs, 'the interval of a check', at, findings),
      ...(retryMs === intervalMs
        ? {}
        : { retryInterval: duration(retryMs, 'the interval of a check that failed', at, findings) }),
      timeout: duration(timeoutMs, 'the timeout of a check', at, findings),
      rise: count(rise, 'rise'),
      fall: count(fall, 'fall'),
    },
  ]
}

/** The port of the real server that our configuration tells; 0: none. */
function portAsWritten({ port, forwarding }: Destination, key: ServiceKey): number {
  if (forwarding.method === 'masquerade' && port !== 0) return port
  return key.kind === 'address' ? key.port : 0
}
