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
import { bytesOf } from '../wire.ts'
import { commandWords, encodeCommand, IPVS_CMD_GET_DEST, IPVS_CMD_GET_SERVICE } from './commands.ts'
import { decodeDestination } from './destination.ts'
import { decodeService, encodeServiceKey } from './service.ts'

export async function readServices(connection: NetlinkConnection, family: number): Promise<FoundService[]> {
  return readSteadily(async () => {
    const parts = await dumpServices(connection, family)
    const found = parts.flat()
    return { found, names: found.map(serviceName).join(), stoodTogether: parts.length <= 1 }
  })
}

/** In the kernel's order, newest first. A service that is not there has none. */
export async function readDestinations(
  connection: NetlinkConnection,
  family: number,
  key: ServiceKey,
): Promise<FoundDestination[]> {
  const request = bytesOf(encodeServiceKey(GET_DEST, key))
  return readSteadily(async () => {
    const parts = await connection.dumpInParts(family, request)
    const found = parts.flat().map(body => decodeDestination(body, serviceFamily(key)))
    const stoodTogether = parts.length <= 1
    return { found, names: stoodTogether ? '' : found.map(destinationText).join(), stoodTogether }
  })
}

/**
 * The services, the destinations of each, and the services again, until none came or went meanwhile: then only what
 * came is asked for. The kernel has no request for all destinations, and does one dump at a time for a socket.
 */
export async function readTable(connection: NetlinkConnection, family: number): Promise<FoundPool[]> {
  const known = new Map<string, FoundDestination[]>()
  return readSteadily(async () => {
    const found: FoundPool[] = []
    for (const service of (await dumpServices(connection, family)).flat()) {
      const name = serviceName(service)
      const destinations = known.get(name) ?? (await readDestinations(connection, family, service.key))
      known.set(name, destinations)
      found.push({ service, destinations })
    }
    const names = found.map(({ service }) => serviceName(service)).join()
    return { found, names, stoodTogether: found.length === 0 }
  })
}

const GET_DEST = commandWords(IPVS_CMD_GET_DEST)

async function dumpServices(connection: NetlinkConnection, family: number): Promise<FoundService[][]> {
  const parts = await connection.dumpInParts(family, encodeCommand(IPVS_CMD_GET_SERVICE))
  return parts.map(part => part.map(decodeService).filter(service => service !== null))
}

interface Reading<T> {
  found: T
  /** Of all that was found, in order. */
  names: string
  stoodTogether: boolean
}

/**
 * The kernel does not tell that a table changed during its dump: IPVS never sets NLM_F_DUMP_INTR. From one part of a
 * dump to the next it counts entries, so that one that goes lets another be passed over, and one that comes lets
 * another be told twice. What is told in one part stood together; what takes more is read until it comes out alike
 * twice in a row.
 */
async function readSteadily<T>(read: () => Promise<Reading<T>>): Promise<T> {
  let before = await read()
  if (before.stoodTogether) return before.found
  // Not from the first reading on: that takes as long as the table is large.
  for (const deadline = performance.now() + PATIENCE_MS; performance.now() < deadline; ) {
    const after = await read()
    if (after.names === before.names) return after.found
    before = after
  }
  throw new AgentError(
    'failed',
    `services came or went during every reading of the table for ${PATIENCE_MS / 1000} s`,
    'find what changes it all the time, and run the command again',
  )
}

function serviceName({ key }: FoundService): string {
  return serviceText(key)
}

const PATIENCE_MS = 10_000
