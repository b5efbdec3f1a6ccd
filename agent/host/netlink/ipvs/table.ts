import { AgentError } from '../../../errors.ts'
import {
  destinationText,
  type FoundDestination,
  type FoundPool,
  type FoundService,
  type ServiceKey,
  serviceFamily,
  serviceText,
} from '../../../model/ipvs.ts'
import type { NetlinkConnection } from '../connection.ts'
import { encodeCommand, IPVS_CMD_GET_DEST, IPVS_CMD_GET_SERVICE } from './commands.ts'
import { decodeDestination } from './destination.ts'
import { decodeService, encodeServiceKey } from './service.ts'

/**
 * The kernel does not tell that a table changed during its dump: IPVS never sets NLM_F_DUMP_INTR. From one part of a
 * dump to the next it counts entries, so that one that goes lets another be passed over, and one that comes lets
 * another be told twice. What is told in one part stood together; what takes more is read until it comes out alike
 * twice in a row. Churn that prevents it for so long is an error.
 */
const PATIENCE_MS = 5_000

export async function readServices(connection: NetlinkConnection, family: number): Promise<FoundService[]> {
  return readSteadily(() => dumpServices(connection, family), serviceName)
}

/** In the kernel's order, newest first. A service that is not there has none. */
export async function readDestinations(
  connection: NetlinkConnection,
  family: number,
  key: ServiceKey,
): Promise<FoundDestination[]> {
  const request = encodeCommand(IPVS_CMD_GET_DEST, encodeServiceKey(key))
  const dump = async () =>
    (await connection.dumpInParts(family, request)).map(part =>
      part.map(body => decodeDestination(body, serviceFamily(key))),
    )
  return readSteadily(dump, destinationText)
}

/**
 * The services, the destinations of each, and the services again, until no service came or went meanwhile: then only
 * what came is asked for. The kernel has no request for all destinations, and does one dump at a time for a socket.
 */
export async function readTable(connection: NetlinkConnection, family: number): Promise<FoundPool[]> {
  const known = new Map<string, FoundDestination[]>()
  let before = ''
  for (const deadline = performance.now() + PATIENCE_MS; performance.now() < deadline; ) {
    const services = (await dumpServices(connection, family)).flat()
    const names = services.map(serviceName).join()
    if (names === before)
      return services.map(service => ({ service, destinations: known.get(serviceName(service)) ?? [] }))
    before = names
    for (const service of services)
      if (!known.has(serviceName(service)))
        known.set(serviceName(service), await readDestinations(connection, family, service.key))
  }
  throw changedTooOften()
}

async function dumpServices(connection: NetlinkConnection, family: number): Promise<FoundService[][]> {
  const parts = await connection.dumpInParts(family, encodeCommand(IPVS_CMD_GET_SERVICE))
  return parts.map(part => part.map(decodeService).filter(service => service !== null))
}

async function readSteadily<Entry>(
  dump: () => Promise<Entry[][]>,
  nameOf: (entry: Entry) => string,
): Promise<Entry[]> {
  let before: string | undefined
  for (const deadline = performance.now() + PATIENCE_MS; performance.now() < deadline; ) {
    const parts = await dump()
    const entries = parts.flat()
    if (parts.length <= 1) return entries
    const names = entries.map(nameOf).join()
    if (names === before) return entries
    before = names
  }
  throw changedTooOften()
}

function serviceName({ key }: FoundService): string {
  return serviceText(key)
}

function changedTooOften(): AgentError {
  return new AgentError(
    'failed',
    `the table of virtual services changed during every reading of ${PATIENCE_MS} ms`,
    'something else changes it all the time: find it with `ps`, and run the command again',
  )
}
