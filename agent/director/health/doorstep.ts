import { messageOf } from '../../errors.ts'
import type { TcpPacket, TcpSighting } from '../../host/native.ts'
import { type Door, type Knocker, openKnocker } from '../../host/vantage/knock.ts'
import type { Link } from '../../model/network.ts'
import { answerIn, HEALTH_PORTS, isHalfOpen } from '../door.ts'

/** A door to knock on; the port that the answer comes to is found here. */
export type DoorToTry = Omit<Door, 'clientPort'>

export interface Told {
  answered(answer: TcpPacket, door: Door): void
  /** The socket broke: nothing will be heard of any door. */
  broke(why: string): void
}

export interface Knocking {
  /** Once. */
  end(): void
}

/** Any time does: a wait that ends is begun again. */
const WAIT_MS = 60_000

/** Knocks on many doors of one NIC through one socket, each known by its client port. */
export class Doorstep {
  readonly nic: Link
  readonly #knocker: Knocker
  readonly #waiting = new Map<number, Told & { door: Door }>()
  #lastPort = HEALTH_PORTS.last
  #isClosed = false
  #isBroken = false

  /** Throws NoVantage. */
  constructor(nic: Link) {
    this.nic = nic
    this.#knocker = openKnocker(nic, HEALTH_PORTS)
    this.#listen().catch(error => {
      this.#isBroken = true
      for (const { broke } of [...this.#waiting.values()]) broke(messageOf(error))
    })
  }

  /** Throws NoVantage where the frame cannot be sent. */
  knock(doorToTry: DoorToTry, told: Told): Knocking {
    const door = { ...doorToTry, clientPort: this.#freePort() }
    this.#knocker.knock(door)
    this.#waiting.set(door.clientPort, { ...told, door })
    return {
      end: () => {
        // It may have been accepted all the same, and the answer be lost.
        if (this.#waiting.delete(door.clientPort)) this.#hangUp(door)
      },
    }
  }

  /** Nothing is heard any more: the NIC went down, and perhaps nobody waited for an answer just then. */
  get isBroken(): boolean {
    return this.#isBroken
  }

  close(): void {
    this.#isClosed = true
    this.#knocker.close()
  }

  async #listen(): Promise<void> {
    while (!this.#isClosed) for (const sighting of await this.#knocker.watch(WAIT_MS)) this.#hear(sighting)
  }

  #hear(sighting: TcpSighting): void {
    const { packet } = sighting
    const clientPort = packet.kind === 'segment' ? packet.destinationPort : packet.quoted.sourcePort
    const knocking = this.#waiting.get(clientPort)
    const answer = knocking === undefined ? null : answerIn(sighting, knocking.door)
    if (knocking === undefined || answer === null) return
    this.#waiting.delete(clientPort)
    if (isHalfOpen(answer)) this.#hangUp(knocking.door)
    knocking.answered(answer, knocking.door)
  }

  #hangUp(door: Door): void {
    if (this.#isClosed) return
    try {
      this.#knocker.hangUp(door)
    } catch {
      // The NIC is down or gone, and with it what could be ended.
    }
  }

  /** In turn, so that a late answer does not come to the next knock. */
  #freePort(): number {
    const { first, last } = HEALTH_PORTS
    if (this.#waiting.size > last - first)
      throw new Error(`all of this host's ${last - first + 1} ports for it are waiting`)
    do this.#lastPort = this.#lastPort === last ? first : this.#lastPort + 1
    while (this.#waiting.has(this.#lastPort))
    return this.#lastPort
  }
}
