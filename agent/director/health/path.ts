import { messageOf } from '../../errors.ts'
import { type IpAddress, withPort } from '../../model/address.ts'
import type { Link } from '../../model/network.ts'
import { judgeAnswer } from '../door.ts'
import { attempt, type Effort, type Finding } from './attempt.ts'
import type { Check, CheckTarget } from './check.ts'
import { connect, hangUp } from './connection.ts'
import { Doorstep, type Knocking } from './doorstep.ts'
import type { Config } from './kinds.ts'
import { Neighbourhood } from './neighbourhood.ts'
import { Shared } from './shared.ts'

/**
 * Goes the way of a client: a SYN for VIP:port, to the real server's own MAC, as IPVS sends it. One that lost the VIP
 * is found here, and by no check of its own address.
 */
export function openPathCheck(config: Config<'tcp'>, target: CheckTarget & { vip: IpAddress }): Check {
  const { timeout: timeoutMs, port = target.port } = config
  const { address: rip, vip, nic } = target
  const membership = vantages.join(nic)
  return {
    key: JSON.stringify(['path', rip, vip, port, nic, timeoutMs]),
    try: signal =>
      attempt(timeoutMs, signal, found => {
        const asking = new Asking({ rip, vip, port, timeoutMs }, membership.get(), found)
        asking.begin().catch(error => found.unknown(`cannot ask: ${messageOf(error)}`))
        return asking
      }),
    close: () => membership.leave(),
  }
}

/** What all checks of one NIC share. */
class Vantage {
  readonly neighbourhood: Neighbourhood
  #doorstep: Doorstep | null = null

  constructor(nic: string) {
    this.neighbourhood = new Neighbourhood(nic)
  }

  /** Another one when the NIC was taken away, or down, and came back. */
  doorstepOf(nic: Link): Doorstep {
    const known = this.#doorstep
    const isOfNic = known?.nic.index === nic.index && known.nic.mac === nic.mac
    if (known !== null && isOfNic && !known.isBroken) return known
    known?.close()
    this.#doorstep = null
    this.#doorstep = new Doorstep(nic)
    return this.#doorstep
  }

  forget(doorstep: Doorstep): void {
    if (this.#doorstep !== doorstep) return
    this.#doorstep = null
    doorstep.close()
  }

  close(): void {
    this.neighbourhood.close()
    this.#doorstep?.close()
  }
}

const vantages = new Shared<Vantage>(nic => new Vantage(nic))

/** The kernel's tables are read at most so often, for thousands of checks. */
const VIEW_AGE_MS = 500
/** While the kernel asks who has an address. */
const LOOK_AGAIN_MS = 20
/** A frame may be lost, or gone to a MAC of before: it is sent again after this time, at most a third of all. */
const AGAIN_MS = 250

interface Question {
  rip: IpAddress
  vip: IpAddress
  port: number
  timeoutMs: number
}

class Asking implements Effort {
  readonly #question: Question
  readonly #vantage: Vantage
  readonly #found: Finding
  readonly #knockings: Knocking[] = []
  readonly #timers: NodeJS.Timeout[] = []
  #mac: string | null = null
  #answersForItself = false
  #isOver = false

  constructor(question: Question, vantage: Vantage, found: Finding) {
    this.#question = question
    this.#vantage = vantage
    this.#found = found
  }

  async begin(): Promise<void> {
    const { rip, vip } = this.#question
    const way = await this.#vantage.neighbourhood.wayTo(rip, vip, VIEW_AGE_MS)
    if (this.#isOver) return
    if (way.kind === 'none') return this.#found.unknown(way.why)
    if (way.kind === 'self') return this.#askMyself()
    const { timeoutMs } = this.#question
    for (const afterMs of [Math.min(AGAIN_MS, timeoutMs / 3), (timeoutMs * 2) / 3])
      this.#later(afterMs, () => this.#knockAgain())
    if (way.mac !== null) return this.#knock(way.nic, way.client, way.mac)
    await this.#vantage.neighbourhood.ask(rip, way.nic)
    await this.#goOnWhenKnown()
  }

  expire(): void {
    const { rip, vip, port, timeoutMs } = this.#question
    const where = withPort(vip, port)
    if (this.#mac === null)
      this.#found.fail('it does not answer ARP for its own address: it is down, or not there')
    else if (this.#answersForItself)
      this.#found.fail(
        `it answers on its own address, not for the VIP: it lost ${vip}, or a firewall drops what is for it`,
      )
    else
      this.#found.fail(
        `no answer to a SYN for ${where} within ${timeoutMs} ms, nor on its own address ${rip}, from ${this.#mac}`,
      )
  }

  stop(): void {
    this.#isOver = true
    for (const timer of this.#timers) clearTimeout(timer)
    for (const knocking of this.#knockings) knocking.end()
  }

  async #goOnWhenKnown(): Promise<void> {
    const { rip, vip } = this.#question
    const way = await this.#vantage.neighbourhood.wayTo(rip, vip, LOOK_AGAIN_MS / 2)
    if (this.#isOver) return
    if (way.kind === 'way' && way.mac !== null) this.#knock(way.nic, way.client, way.mac)
    else this.#later(LOOK_AGAIN_MS, () => this.#goOnWhenKnown())
  }

  #knock(nic: Link, client: IpAddress, mac: string): void {
    const { vip, port } = this.#question
    this.#mac = mac
    const doorstep = this.#vantage.doorstepOf(nic)
    const broke = (why: string): void => {
      this.#vantage.forget(doorstep)
      this.#found.unknown(why)
    }
    const knocking = doorstep.knock(
      { mac, address: vip, port, client },
      {
        broke,
        answered: (answer, door) => {
          const verdict = judgeAnswer(answer, door)
          if (verdict.kind === 'open') this.#found.pass()
          else this.#found.fail(verdict.why)
        },
      },
    )
    this.#knockings.push(knocking)
  }

  /** Who has the address may have changed; and whether it is there at all tells what is wrong. */
  async #knockAgain(): Promise<void> {
    if (this.#mac === null) return
    const { rip, vip, port } = this.#question
    const { neighbourhood } = this.#vantage
    const way = await neighbourhood.wayTo(rip, vip, LOOK_AGAIN_MS)
    if (this.#isOver) return
    if (way.kind !== 'way') return this.#found.unknown(way.kind === 'none' ? way.why : 'it is this host now')
    if (way.mac !== null) {
      this.#knock(way.nic, way.client, way.mac)
      const own = { mac: way.mac, address: rip, port, client: way.client }
      const answered = (): void => {
        this.#answersForItself = true
      }
      this.#knockings.push(this.#vantage.doorstepOf(way.nic).knock(own, { answered, broke() {} }))
    }
    await neighbourhood.ask(rip, way.nic)
  }

  /** The kernel delivers here what is for the VIP. */
  #askMyself(): void {
    const { vip, port } = this.#question
    const socket = connect({ address: vip, port }, this.#found, null)
    socket.on('connect', () => this.#found.pass())
    this.#knockings.push({ end: () => hangUp(socket) })
  }

  #later(afterMs: number, work: () => Promise<void>): void {
    const run = () => void work().catch(error => this.#found.unknown(`cannot ask: ${messageOf(error)}`))
    this.#timers.push(setTimeout(run, afterMs))
  }
}
