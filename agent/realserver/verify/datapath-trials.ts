import type { Host } from '../../host/host.ts'
import type { Knock } from '../../host/vantage/tcp.ts'
import { familyOf, type IpAddress, withPort } from '../../model/address.ts'
import type { Link, Neighbour } from '../../model/network.ts'
import { isUnplugged, whyUnplugged } from '../../model/network.ts'
import type { FoundHost } from '../../reconcile/found.ts'
import type { WantedRealServer } from '../desired.ts'
import { NO_NIC, pathNics } from '../nics.ts'
import type { CheckResult } from './check.ts'
import { chooseClients, type TestClient } from './clients.ts'
import type { WayBack, WaysBack } from './way-back.ts'

/** Who knocks where, and by which NIC. */
export interface Trial {
  subject: string
  nic: Link
  knock: Knock
  client: TestClient
  way: WayBack
}

/** IANA's dynamic ports (RFC 6335): ours must differ from one another. */
const FIRST_PORT = 49_152
const LAST_PORT = 65_535

/** One for every VIP:port, NIC and client; what cannot be tried is a result already. */
export async function prepareTrials(
  host: Host,
  wanted: WantedRealServer,
  found: FoundHost,
  waysBack: WaysBack,
): Promise<{ trials: Trial[]; results: CheckResult[] }> {
  const trials: Trial[] = []
  const results: CheckResult[] = []
  const clientPorts = freshPorts()
  const neighbours = await host.network.neighbours()
  for (const { vip, port, subject } of doorsOf(wanted, results)) {
    const nics = pathNics(wanted, found, vip)
    if (nics.length === 0) results.push(unknown(subject, NO_NIC.why, NO_NIC.hint))
    for (const nic of nics) {
      const name = nics.length === 1 ? subject : `${subject} on ${nic.name}`
      if (isUnplugged(nic)) {
        results.push(unknown(name, whyUnplugged(nic)))
        continue
      }
      const clients = await chooseClients(host, wanted, found, vip, nic)
      if (clients.length === 0)
        results.push(
          unknown(name, noClient(vip, wanted), 'tell where clients come from: clients: [NETWORK or ADDRESS]'),
        )
      for (const client of clients) {
        const connection = { client: client.address, clientPort: clientPorts.next().value, vip, port }
        trials.push({
          subject: clients.length === 1 ? name : `${name} from ${client.address}`,
          nic,
          client,
          knock: { ...connection, fromMac: directorMac(wanted, nic, neighbours) },
          way: await waysBack.prepare({ nic, ...connection }),
        })
      }
    }
  }
  return { trials, results }
}

function directorMac(
  { directors }: WantedRealServer,
  nic: Link,
  neighbours: readonly Neighbour[],
): string | null {
  const director = neighbours.find(
    ({ link, address, mac }) => link === nic.name && mac !== null && directors.includes(address),
  )
  return director?.mac ?? null
}

interface Door {
  vip: IpAddress
  port: number
  subject: string
}

/** Every VIP:port at which somebody can knock; the others go to the results. */
function doorsOf({ services }: WantedRealServer, results: CheckResult[]): Door[] {
  return services.flatMap(({ vip, ports }) => {
    if (ports.length === 0) results.push(skipped(vip, 'the configuration names no port'))
    return ports.flatMap((text): Door[] => {
      const [number = '', protocol = ''] = text.split('/')
      const subject = withPort(vip, number)
      if (protocol === 'tcp') return [{ vip, port: Number(number), subject }]
      results.push(skipped(`${subject}/${protocol}`, `${protocol} has no handshake to watch`))
      return []
    })
  })
}

/** Connections of other runs, a moment ago, are remembered by their port. */
function* freshPorts(): Generator<number, never> {
  for (let port = FIRST_PORT + Math.floor(Math.random() * 8_000); ; port++) {
    if (port > LAST_PORT) port = FIRST_PORT
    yield port
  }
}

function noClient(vip: IpAddress, { clients }: WantedRealServer): string {
  if (clients.some(({ address }) => familyOf(address) === familyOf(vip)))
    return 'the configured clients are neighbours, and no known host is among them'
  return `this host has no default route, so that nobody knows where clients of ${vip} are`
}

export const TRY_IT = 'try it with a client: curl http://VIP/'

export function unknown(subject: string, why: string, hint = TRY_IT): CheckResult {
  return { id: 'datapath', subject, verdict: 'unknown', evidence: `could not be tried: ${why}`, hint }
}

function skipped(subject: string, evidence: string): CheckResult {
  return { id: 'datapath', subject, verdict: 'skipped', evidence, hint: '' }
}
