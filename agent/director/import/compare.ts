import {
  type Destination,
  destinationText,
  type Pool,
  serviceText,
  type VirtualService,
} from '../../model/ipvs.ts'

/** A difference between what a file means and what the kernel has. */
export interface TableDifference {
  kind: 'missing' | 'extra' | 'different'
  /** `10.0.0.100:80/tcp`, or a real server of it: `10.0.0.12:80 of 10.0.0.100:80/tcp`. */
  subject: string
  /** What differs; null when the whole is missing or extra. */
  field: string | null
  file: string | null
  kernel: string | null
}

/** Services first in the order of the file, then those that only the kernel has. */
export function compareTables(wanted: readonly Pool[], found: readonly Pool[]): TableDifference[] {
  const present = new Map(found.map(pool => [serviceText(pool.service.key), pool]))
  const named = new Set(wanted.map(({ service }) => serviceText(service.key)))
  return [
    ...wanted.flatMap(pool => {
      const subject = serviceText(pool.service.key)
      const other = present.get(subject)
      return other === undefined ? [whole('missing', subject)] : comparePools(pool, other, subject)
    }),
    ...[...present.keys()].filter(subject => !named.has(subject)).map(subject => whole('extra', subject)),
  ]
}

function comparePools(wanted: Pool, found: Pool, service: string): TableDifference[] {
  const present = new Map(found.destinations.map(each => [destinationText(each), each]))
  const named = new Set(wanted.destinations.map(destinationText))
  return [
    ...fieldsThatDiffer(service, formOf(wanted.service), formOf(found.service)),
    ...wanted.destinations.flatMap(destination => {
      const subject = `${destinationText(destination)} of ${service}`
      const other = present.get(destinationText(destination))
      if (other === undefined) return [whole('missing', subject)]
      return fieldsThatDiffer(subject, valuesOf(destination), valuesOf(other))
    }),
    ...[...present.keys()]
      .filter(name => !named.has(name))
      .map(name => whole('extra', `${name} of ${service}`)),
  ]
}

function whole(kind: 'missing' | 'extra', subject: string): TableDifference {
  return { kind, subject, field: null, file: null, kernel: null }
}

type Fields = Record<string, string>

function fieldsThatDiffer(subject: string, wanted: Fields, found: Fields): TableDifference[] {
  return Object.entries(wanted).flatMap(([field, file]): TableDifference[] => {
    const kernel = found[field] ?? ''
    return file === kernel ? [] : [{ kind: 'different', subject, field, file, kernel }]
  })
}

function formOf(service: VirtualService): Fields {
  const { persistence, persistenceEngine, scheduler, schedulerFlags, onePacket } = service
  return {
    scheduler,
    'scheduler flags': schedulerFlags.join(', ') || 'none',
    persistence: persistence === null ? 'none' : `${persistence.timeoutSeconds} s, ${persistence.netmask}`,
    'persistence engine': persistenceEngine ?? 'none',
    'one-packet scheduling': onePacket ? 'on' : 'off',
  }
}

function valuesOf({ forwarding, weight, upperThreshold, lowerThreshold }: Destination): Fields {
  return {
    forwarding: forwarding.method === 'tunnel' ? tunnelText(forwarding.tunnel) : forwarding.method,
    weight: String(weight),
    'upper threshold': String(upperThreshold),
    'lower threshold': String(lowerThreshold),
  }
}

function tunnelText(tunnel: Extract<Destination['forwarding'], { method: 'tunnel' }>['tunnel']): string {
  switch (tunnel.type) {
    case 'ipip':
      return 'tunnel ipip'
    case 'gue':
      return `tunnel gue, port ${tunnel.port}, checksum ${tunnel.checksum}`
    case 'gre':
      return `tunnel gre, checksum ${tunnel.checksum}`
    default:
      return tunnel satisfies never
  }
}
