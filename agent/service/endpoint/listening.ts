import { lstatSync, mkdirSync, unlinkSync } from 'node:fs'
import { connect, type Server } from 'node:net'
import { dirname, join } from 'node:path'
import type { Listen } from '../../config/service.ts'
import { AgentError, hasErrno, messageOf } from '../../errors.ts'
import { parseIpAddress, withPort } from '../../model/address.ts'

export type Place = Exclude<Listen, 'none'>

/** sun_path of sys/un.h has 108 bytes, one for the NUL; what is longer is cut off without a word. */
const LONGEST_SOCKET_PATH = 107
/** Group and others get what the folder lets them get to: read and write for root and its group. */
const SOCKET_UMASK = 0o117

/** A socket lies below the root, as every file does. */
export function placeBelow(root: string, place: Place): Place {
  return 'socket' in place ? { socket: join(root, place.socket) } : place
}

/** `127.0.0.1:9580`, `unix:/run/rs-agent/status.sock`. */
export function placeText(place: Place): string {
  if ('socket' in place) return `unix:${place.socket}`
  const address = parseIpAddress(place.host)
  return address === null ? `${place.host}:${place.port}` : withPort(address, place.port)
}

/** Has the server listen there; throws AgentError (`failed`) that says why it cannot. */
export async function listenAt(server: Server, place: Place): Promise<void> {
  if (!('socket' in place)) return listenOrSay(server, place)
  const { socket } = place
  if (Buffer.byteLength(socket) > LONGEST_SOCKET_PATH)
    throw cannotListen(
      place,
      `a socket's path has ${LONGEST_SOCKET_PATH} bytes at most`,
      'name a shorter path',
    )
  try {
    mkdirSync(dirname(socket), { recursive: true, mode: 0o755 })
    await removeDead(place)
  } catch (error) {
    throw error instanceof AgentError ? error : cannotListen(place, messageOf(error), ANOTHER_PLACE, error)
  }
  await listenOrSay(server, place)
}

const ANOTHER_PLACE = 'choose another place with `listen` in the section `service`, or none'

async function listenOrSay(server: Server, place: Place): Promise<void> {
  try {
    await listening(server, place)
  } catch (cause) {
    const isTaken = hasErrno(cause, 'EADDRINUSE')
    const why = isTaken ? 'another process listens there' : messageOf(cause)
    const hint = isTaken && 'port' in place ? `\`ss -ltnp 'sport = ${place.port}'\` says which; ` : ''
    throw cannotListen(place, why, `${hint}${ANOTHER_PLACE}`, cause)
  }
}

function listening(server: Server, place: Place): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    const options = 'socket' in place ? { path: place.socket } : place
    // It is bound before `listen` returns: nobody gets in between, and nothing else is made under this mask.
    const umask = 'socket' in place ? process.umask(SOCKET_UMASK) : null
    server.listen(options, () => {
      server.off('error', reject)
      resolve()
    })
    if (umask !== null) process.umask(umask)
  })
}

/** A process that was killed leaves its socket behind, and nobody answers there. */
async function removeDead(place: { socket: string }): Promise<void> {
  const { socket } = place
  const found = lstatSync(socket, { throwIfNoEntry: false })
  if (found === undefined) return
  if (!found.isSocket())
    throw cannotListen(
      place,
      'there is something else than a socket',
      `look at it, and move it away: ${socket}`,
    )
  if (await isAnswered(socket))
    throw cannotListen(place, 'another process listens there', `\`ss -lxp src ${socket}\` says which`)
  unlinkSync(socket)
}

function isAnswered(socket: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const probe = connect(socket, () => {
      probe.destroy()
      resolve(true)
    })
    probe.on('error', error => {
      // EAGAIN: it lives, and has more to do than it can take on.
      if (hasErrno(error, 'EAGAIN')) resolve(true)
      else if (hasErrno(error, 'ECONNREFUSED', 'ENOENT')) resolve(false)
      else reject(error)
    })
  })
}

function cannotListen(place: Place, why: string, hint: string, cause?: unknown): AgentError {
  return new AgentError('failed', `cannot tell how this host is at ${placeText(place)}: ${why}`, hint, cause)
}
