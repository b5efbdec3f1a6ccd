import { withPort } from '../model/address.ts'
import {
  type Destination,
  destinationText,
  type Forwarding,
  type Persistence,
  type Pool,
  type Protocol,
  type ServiceKey,
  serviceFamily,
  type Tunnel,
  type TunnelChecksum,
  type VirtualService,
} from '../model/ipvs.ts'
import { compareAddresses, compareDestinations, compareMarks, compareProtocols } from '../model/ipvs-order.ts'

/**
 * The table as `ipvsadm -S -n` prints it, for `ipvsadm -R` to load, in the same order. It adds what ipvsadm takes but
 * does not save: thresholds, and the third flag of the schedulers sh and mh. ipvsadm itself loads no weight above
 * 65535.
 */
export function ipvsadmRules(pools: readonly Pool[]): string {
  return pools
    .toSorted((left, right) => compareKeys(left.service.key, right.service.key))
    .flatMap(({ service, destinations }) => [
      serviceRule(service),
      ...destinations.toSorted(compareDestinations).map(each => destinationRule(service.key, each)),
    ])
    .map(rule => `${rule}\n`)
    .join('')
}

const PROTOCOL_OPTIONS: Record<Protocol, string> = { tcp: '-t', udp: '-u', sctp: '--sctp-service' }
/** The last two are the kernel's own, and ipvsadm has no words for them. */
const FORWARDING_OPTIONS: Record<Forwarding['method'], string> = {
  'direct-route': '-g',
  masquerade: '-m',
  tunnel: '-i',
  local: '-g',
  bypass: '-g',
}
const CHECKSUM_OPTIONS: Record<TunnelChecksum, string> = {
  none: '--tun-nocsum',
  full: '--tun-csum',
  remote: '--tun-remcsum',
}

function serviceRule({ key, onePacket, persistence, persistenceEngine, ...service }: VirtualService): string {
  return words(
    '-A',
    keyOptions(key),
    `-s ${service.scheduler}`,
    persistence === null ? '' : `-p ${persistence.timeoutSeconds}`,
    persistence === null || isOneClient(persistence.netmask) ? '' : `-M ${persistence.netmask}`,
    persistenceEngine === null ? '' : `--pe ${persistenceEngine}`,
    onePacket ? '-o' : '',
    service.schedulerFlags.length === 0 ? '' : `-b ${service.schedulerFlags.join()}`,
  )
}

/** What ipvsadm takes when it is told none. */
function isOneClient(netmask: Persistence['netmask']): boolean {
  return netmask === '255.255.255.255' || netmask === 128
}

function destinationRule(key: ServiceKey, destination: Destination): string {
  const { forwarding, lowerThreshold, upperThreshold } = destination
  return words(
    '-a',
    keyOptions(key),
    `-r ${destinationText(destination)}`,
    FORWARDING_OPTIONS[forwarding.method],
    `-w ${destination.weight}`,
    forwarding.method === 'tunnel' ? tunnelOptions(forwarding.tunnel) : '',
    upperThreshold === 0 ? '' : `-x ${upperThreshold}`,
    lowerThreshold === 0 ? '' : `-y ${lowerThreshold}`,
  )
}

function keyOptions(key: ServiceKey): string {
  if (key.kind === 'address') return `${PROTOCOL_OPTIONS[key.protocol]} ${withPort(key.address, key.port)}`
  return words(`-f ${key.mark}`, key.family === 6 ? '-6' : '')
}

function tunnelOptions(tunnel: Tunnel): string {
  return words(
    `--tun-type ${tunnel.type}`,
    tunnel.type === 'gue' ? `--tun-port ${tunnel.port}` : '',
    tunnel.type === 'ipip' ? '' : CHECKSUM_OPTIONS[tunnel.checksum],
  )
}

function words(...options: readonly string[]): string {
  return options.filter(option => option !== '').join(' ')
}

function compareKeys(left: ServiceKey, right: ServiceKey): number {
  if (left.kind === 'firewallMark' || right.kind === 'firewallMark') return compareMarks(left, right)
  return (
    serviceFamily(left) - serviceFamily(right) ||
    compareProtocols(left.protocol, right.protocol) ||
    compareAddresses(left.address, right.address) ||
    left.port - right.port
  )
}
