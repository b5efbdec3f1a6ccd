import { randomBytes } from 'node:crypto'
import { connect, isIP } from 'node:net'
import { hasErrno, messageOf } from '../errors.ts'
import { encodeNullCall, parseNullReply } from '../model/nfs-null-call.ts'
import { type Commands, lastWordsOf } from './commands.ts'

/** What an NFS server said to a call that it answers without a look at any share. */
export type NfsProbe =
  | { kind: 'answers'; tookMs: number }
  /** Its host is there, and nothing listens at the port. */
  | { kind: 'refused' }
  /** Nothing came back at all. */
  | { kind: 'silent' }
  /** It took the connection, and did not answer the call. */
  | { kind: 'mute' }
  /** Its name has no address, or who knows names does not answer; in words. */
  | { kind: 'unresolved'; why: string }
  /** No way there, or nobody on the segment has that address; by the errno of connect(2). */
  | { kind: 'unreachable'; errno: string }
  /** An answer that is none of NFS; in words. */
  | { kind: 'unfit'; why: string }

export interface NfsServerPlace {
  /** A name or an address. */
  server: string
  port: number
  version: 3 | 4
}

/** Calls the server over a connection of its own; always ends in time, the look-up of its name as well. */
export async function probeNfs(
  commands: Commands,
  place: NfsServerPlace,
  { timeoutMs }: { timeoutMs: number },
): Promise<NfsProbe> {
  const startedAt = performance.now()
  const resolved = await resolve(commands, place.server, timeoutMs)
  if (resolved.kind === 'unresolved') return resolved
  return call(place, resolved.addresses, { timeoutMs: timeoutMs - (performance.now() - startedAt) })
}

interface Resolved {
  kind: 'resolved'
  addresses: { address: string; family: number }[]
}

/** By a process of its own: getaddrinfo(3) cannot be given up, and would keep this one until it ends. */
async function resolve(
  commands: Commands,
  server: string,
  timeoutMs: number,
): Promise<Resolved | Extract<NfsProbe, { kind: 'unresolved' }>> {
  const literal = isIP(server)
  if (literal !== 0) return { kind: 'resolved', addresses: [{ address: server, family: literal }] }
  const asked = await commands.run('getent', ['ahosts', server], { timeoutMs })
  if (asked === null) return { kind: 'unresolved', why: 'there is no program getent to ask' }
  if (asked.isOverdue)
    return { kind: 'unresolved', why: `no answer within ${timeoutMs / 1000} s: is the name server down?` }
  const names = new Set(asked.stdout.split('\n').map(line => line.split(/\s/)[0] ?? ''))
  const addresses = [...names].flatMap(address => {
    const family = isIP(address)
    return family === 0 ? [] : [{ address, family }]
  })
  if (addresses.length > 0) return { kind: 'resolved', addresses }
  const isUnknown = asked.exitStatus === NO_SUCH_KEY
  return { kind: 'unresolved', why: isUnknown ? 'no address is known for it' : lastWordsOf(asked) }
}

/** getent(1) */
const NO_SUCH_KEY = 2

async function call(
  { server, port, version }: NfsServerPlace,
  addresses: Resolved['addresses'],
  { timeoutMs }: { timeoutMs: number },
): Promise<NfsProbe> {
  const startedAt = performance.now()
  const id = randomBytes(4).readUInt32BE()
  const socket = connect({
    host: server,
    port,
    // All of them are tried, as mount.nfs does.
    autoSelectFamily: true,
    lookup: (_name, _options, tell) => tell(null, addresses),
  })
  let isConnected = false
  let received = Buffer.alloc(0)
  try {
    return await new Promise<NfsProbe>(resolve => {
      const timer = setTimeout(() => resolve({ kind: isConnected ? 'mute' : 'silent' }), timeoutMs)
      socket.on('close', () => clearTimeout(timer))
      socket.on('connect', () => {
        isConnected = true
        socket.write(encodeNullCall(id, version))
      })
      socket.on('data', chunk => {
        received = Buffer.concat([received, chunk])
        const reply = parseNullReply(received, id)
        if (reply?.kind === 'done') resolve({ kind: 'answers', tookMs: performance.now() - startedAt })
        if (reply?.kind === 'refused') resolve({ kind: 'unfit', why: `the server ${reply.why}` })
        if (reply?.kind === 'nonsense') resolve({ kind: 'unfit', why: 'what answers there is no NFS server' })
      })
      socket.on('end', () => resolve({ kind: 'unfit', why: 'it hung up without an answer' }))
      socket.on('error', error => resolve(failureOf(error)))
    })
  } finally {
    socket.destroy()
  }
}

function failureOf(error: Error): NfsProbe {
  if (hasErrno(error, 'ECONNREFUSED')) return { kind: 'refused' }
  if (hasErrno(error, 'ETIMEDOUT')) return { kind: 'silent' }
  const errno = NO_WAY.find(each => hasErrno(error, each))
  if (errno !== undefined) return { kind: 'unreachable', errno }
  return { kind: 'unfit', why: messageOf(error) }
}

const NO_WAY = ['EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN', 'ENETDOWN'] as const
