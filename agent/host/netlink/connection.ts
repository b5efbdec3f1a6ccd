import type { RawNetlinkSocket } from 'netlink/dist/raw.js'
import { BatchRejection, parseRejection } from './rejection.ts'
import { encodeMessages, type NetlinkMessage, type NetlinkRequest, openSocket } from './socket.ts'

export type { NetlinkBody, NetlinkRequest } from './socket.ts'

/** Protocol and flag numbers of include/uapi/linux/netlink.h. */
export const NETLINK_ROUTE = 0
const NLMSG_NOOP = 1
const NLMSG_ERROR = 2
const NLMSG_DONE = 3
const NLM_F_ACK = 0x4
const NLM_F_DUMP_INTR = 0x10
const NLM_F_DUMP = 0x300
export const NLM_F_REPLACE = 0x100
export const NLM_F_EXCL = 0x200
export const NLM_F_CREATE = 0x400
export const NLM_F_APPEND = 0x800

/**
 * Requests in one send. Every one of them may be refused, and 200 refusals fit in the stock receive
 * buffer (measured): 128 leaves room.
 */
const BATCH_SIZE = 128
const TIMEOUT_MS = 5_000

/**
 * Asks for nothing, and is acknowledged all the same. Behind a request that a kernel may leave without an answer, as
 * net/netlink/af_netlink.c does with one that ends in EINTR, it ends the batch.
 */
export const NOTHING: NetlinkRequest = { type: NLMSG_NOOP, flags: 0, body: Buffer.of() }

/** What stands before and behind the requests of an nfnetlink batch. */
export interface BatchEnvelope {
  begin: NetlinkRequest
  end: NetlinkRequest
}

interface Exchange {
  /** Sequence numbers that belong to the exchange: first to last. */
  first: number
  last: number
  receive(message: NetlinkMessage): void
  fail(error: Error): void
}

/**
 * The one way to talk netlink: a request socket of npm `netlink` with what the library lacks (batches,
 * timeouts, extended ACK, interrupted dumps, and an overrun that never ends the process).
 * One exchange at a time; later ones wait their turn.
 */
export class NetlinkConnection {
  readonly #protocol: number
  #socket: RawNetlinkSocket | null = null
  /** The socket's own address: to ask for it takes as long as to send. */
  #port = 0
  #sequence = 1
  #exchange: Exchange | null = null
  /** Received so far: a number for the one that is being read. */
  #datagrams = 0
  #closed = false
  #timer: NodeJS.Timeout | undefined
  #lastChance: NodeJS.Immediate | undefined
  #turn: Promise<unknown> = Promise.resolve()

  constructor(protocol: number) {
    this.#protocol = protocol
  }

  /**
   * Sends the requests in batches, in order; rejects with BatchRejection after the first batch that had refusals. They
   * are asked for batch by batch: thousands that are made when they are needed leave no work to the garbage collector.
   */
  change(requests: Iterable<NetlinkRequest>): Promise<void> {
    return this.#inTurn(async () => {
      let batch: NetlinkRequest[] = []
      let sent = 0
      for (const request of requests) {
        batch.push(request)
        if (batch.length < BATCH_SIZE) continue
        await this.#sendBatch(batch, sent)
        sent += batch.length
        batch = []
      }
      if (batch.length > 0) await this.#sendBatch(batch, sent)
    })
  }

  /**
   * Sends the requests between the two messages that make them one nfnetlink batch, of which the kernel does all or
   * none; rejects with BatchRejection. They must fit into one send.
   */
  changeTogether(envelope: BatchEnvelope, requests: readonly NetlinkRequest[]): Promise<void> {
    return this.#inTurn(() => this.#sendBatch(requests, 0, envelope))
  }

  /** The bodies of all messages of a dump, whole: one that a change interrupted is asked for again. */
  dump(type: number, body: Buffer): Promise<Buffer[]> {
    return this.#inTurn(async () => {
      // A dump that a change interrupted is short.
      for (const deadline = performance.now() + TIMEOUT_MS; performance.now() < deadline; ) {
        const { parts, interrupted } = await this.#dumpOnce(type, body)
        if (!interrupted) return parts.flat()
      }
      throw new Error(`the kernel's table changed during every dump of ${TIMEOUT_MS} ms`)
    })
  }

  /**
   * The bodies of all messages of a dump in the parts in which the kernel sent them: what one part tells stood
   * together. For tables whose changes do not mark a dump as interrupted.
   */
  dumpInParts(type: number, body: Buffer): Promise<Buffer[][]> {
    return this.#inTurn(async () => (await this.#dumpOnce(type, body)).parts)
  }

  /** The body of the one message that answers a question; rejects with the kernel's NetlinkRejection. */
  query(type: number, body: Buffer): Promise<Buffer> {
    return this.#inTurn(() => this.#queryOnce({ type, flags: NLM_F_ACK, body }))
  }

  /** Ends what is under way and what waits. */
  close(): void {
    this.#closed = true
    this.#drop(new Error('netlink connection closed'))
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work)
    // Its caller hears of a failure; whoever waits next has nothing to do with it.
    this.#turn = mine.catch(() => undefined)
    return mine
  }

  #sendBatch(batch: readonly NetlinkRequest[], offset: number, envelope?: BatchEnvelope): Promise<void> {
    // The ACK of the last request ends the batch; of the others only refusals are heard.
    const requests = [...batch]
    const final = requests.pop()
    if (final !== undefined) requests.push({ ...final, flags: final.flags | NLM_F_ACK })
    const frames = envelope === undefined ? requests : [envelope.begin, ...requests, envelope.end]
    const first = this.#sequence
    const firstRequest = envelope === undefined ? first : first + 1
    const lastRequest = firstRequest + batch.length - 1
    return new Promise((resolve, reject) => {
      const rejections: BatchRejection['rejections'] = []
      this.#start(frames, {
        first,
        last: lastRequest,
        fail: reject,
        receive: message => {
          if (message.type !== NLMSG_ERROR) return
          const rejection = parseRejection(message.data, message.flags)
          if (rejection !== null)
            rejections.push({ index: offset + message.seq - firstRequest, cause: rejection })
          // A batch that is refused as a whole is so under the number of its first message, and may end with that.
          const isWhole = rejection !== null && message.seq < firstRequest
          if (message.seq !== lastRequest && !isWhole) return
          this.#finish()
          if (rejections.length === 0) resolve()
          else reject(new BatchRejection(rejections))
        },
      })
    })
  }

  #dumpOnce(type: number, body: Buffer): Promise<{ parts: Buffer[][]; interrupted: boolean }> {
    return new Promise((resolve, reject) => {
      const parts: Buffer[][] = []
      let datagram: number | undefined
      let interrupted = false
      this.#start([{ type, flags: NLM_F_DUMP, body }], {
        first: this.#sequence,
        last: this.#sequence,
        fail: reject,
        receive: message => {
          if ((message.flags & NLM_F_DUMP_INTR) !== 0) interrupted = true
          if (message.type !== NLMSG_DONE && message.type !== NLMSG_ERROR) {
            if (datagram !== this.#datagrams) parts.push([])
            datagram = this.#datagrams
            parts.at(-1)?.push(message.data)
            return
          }
          this.#finish()
          // NLMSG_DONE carries the dump's errno in the same place as NLMSG_ERROR does.
          const rejection = parseRejection(message.data, 0)
          if (rejection !== null) reject(rejection)
          else resolve({ parts, interrupted })
        },
      })
    })
  }

  #queryOnce(request: NetlinkRequest): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      let answer: Buffer | undefined
      this.#start([request], {
        first: this.#sequence,
        last: this.#sequence,
        fail: reject,
        receive: message => {
          if (message.type !== NLMSG_ERROR) {
            answer = message.data
            return
          }
          // The ACK comes after the answer; a refusal comes alone.
          this.#finish()
          const rejection = parseRejection(message.data, message.flags)
          if (rejection !== null) reject(rejection)
          else if (answer === undefined)
            reject(new Error('the kernel acknowledged a question without an answer'))
          else resolve(answer)
        },
      })
    })
  }

  #start(requests: NetlinkRequest[], exchange: Exchange): void {
    if (this.#closed) {
      exchange.fail(new Error('netlink connection closed'))
      return
    }
    this.#exchange = exchange
    const giveUp = () =>
      this.#drop(new Error(`the kernel did not answer a netlink request within ${TIMEOUT_MS} ms`))
    this.#timer = setTimeout(() => {
      // It may have kept this process so long within the send itself: what it answered then is read first.
      this.#lastChance = setImmediate(giveUp)
    }, TIMEOUT_MS)
    try {
      this.#socket ??= this.#open()
      const messages = encodeMessages(requests, this.#sequence, this.#port)
      this.#sequence += requests.length
      this.#socket.send(messages, {}, error => {
        if (error !== undefined) this.#drop(error)
      })
    } catch (error) {
      this.#drop(error as Error)
    }
  }

  #open(): RawNetlinkSocket {
    const socket = openSocket(this.#protocol, {
      received: messages => {
        this.#datagrams++
        for (const message of messages) this.#receive(message)
      },
      failed: error => this.#drop(error),
    })
    this.#port = socket.address().port
    return socket
  }

  #finish(): void {
    clearTimeout(this.#timer)
    clearImmediate(this.#lastChance)
    this.#exchange = null
  }

  #receive(message: NetlinkMessage): void {
    const exchange = this.#exchange
    // What a timed-out exchange left behind comes under an older sequence number.
    if (exchange !== null && message.seq >= exchange.first && message.seq <= exchange.last)
      exchange.receive(message)
  }

  /** Ends the exchange under way, and the socket with it: the next one starts clean. */
  #drop(error: Error): void {
    const exchange = this.#exchange
    this.#finish()
    this.#socket?.close()
    this.#socket = null
    exchange?.fail(error)
  }
}
