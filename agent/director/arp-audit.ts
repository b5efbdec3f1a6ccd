import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf } from '../errors.ts'
import { type Network, openNetwork } from '../host/netlink/network.ts'
import type { Sysctl } from '../host/sysctl.ts'
import { NoVantage } from '../host/vantage/injection.ts'
import { familyOf, type IpAddress } from '../model/address.ts'
import type { InterfaceAddress, Link } from '../model/network.ts'
import type { Memory } from '../segment/learnt.ts'
import { surveyOwners } from '../segment/owners.ts'
import { type Alarms, afterHearing, type Heard, stillAsked } from './arp-alarms.ts'
import type { WantedDirector } from './desired.ts'
import type { ArpAlarm } from './rotation-report.ts'
import type { RunEvent } from './run-events.ts'
import { nicOf } from './verify/ask-on-nic.ts'
import { askRealServer, hidingMembers } from './verify/real-server-arp.ts'
import { each, type Member } from './verify/real-servers.ts'

export interface ArpAuditOptions {
  sysctl: Sysctl
  /** What the run serves now. */
  wanted(): WantedDirector
  log(event: RunEvent): void
  /** Somebody began to answer for a VIP, or ceased to. */
  onChange(): void
}

type Question = { kind: 'real server'; member: Member } | { kind: 'everybody'; vip: IpAddress }

/** What a question is asked with. */
interface View {
  nic: Link
  memory: Omit<Memory, 'nic'>
  found: { links: Link[]; addresses: InterfaceAddress[] }
}

/** Between two rounds; with more questions than rounds, some come at once. */
const ROUND_MS = 1_000
/** Each has sockets of its own. Where there are more, a turn takes longer than it should. */
const AT_ONCE = 20

/**
 * Asks every real server, by itself, who has its VIP, and everybody on the segment, as `director verify` does, again
 * and again: spread over the interval, so that there is no burst. Whoever answers and must not is an alarm. Nobody is
 * taken out of rotation for it, because it serves well: that is what makes it dangerous.
 */
export class ArpAudit {
  readonly #options: ArpAuditOptions
  readonly #ended = new AbortController()
  #alarms: ArpAlarm[] = []
  #work: Promise<void> | null = null
  /** Which question is next. */
  #turn = 0
  /** Why nobody could be asked; told once. */
  #obstacle: string | null = null

  constructor(options: ArpAuditOptions) {
    this.#options = options
  }

  get alarms(): ArpAlarm[] {
    return this.#alarms
  }

  start(): void {
    this.#work = this.#untilEnded().catch(error => this.#stumble(messageOf(error)))
  }

  /** Waits for questions that are under way, so that nothing of them stays behind. */
  async end(): Promise<void> {
    this.#ended.abort()
    await this.#work
  }

  async #untilEnded(): Promise<void> {
    const { signal } = this.#ended
    const network = openNetwork()
    try {
      for (let owed = 1, askedAt = performance.now(); !signal.aborted; ) {
        const roundIsOver = sleep(ROUND_MS, undefined, { signal }).catch(() => undefined)
        const questions = this.#questions()
        const count = Math.min(Math.floor(owed), questions.length, AT_ONCE)
        await this.#askNext(count, questions, network).catch(error => this.#stumble(messageOf(error)))
        await roundIsOver
        const nowMs = performance.now()
        const share = (nowMs - askedAt) / (this.#options.wanted().arpAuditMs ?? Number.POSITIVE_INFINITY)
        // What could not be asked in time is not made up for in a burst.
        owed = Math.min(owed - count + share * questions.length, Math.max(questions.length, 1), AT_ONCE)
        askedAt = nowMs
      }
    } finally {
      network.close()
    }
  }

  #questions(): Question[] {
    const wanted = this.#options.wanted()
    if (wanted.arpAuditMs === null) return []
    return [
      ...hidingMembers(wanted).map((member): Question => ({ kind: 'real server', member })),
      ...wanted.vips.map(({ address: vip }): Question => ({ kind: 'everybody', vip })),
    ]
  }

  async #askNext(count: number, questions: readonly Question[], network: Network): Promise<void> {
    this.#become(stillAsked(this.#alarms, alarm => questions.some(question => isAbout(question, alarm))))
    if (count === 0) return
    const { sysctl, wanted } = this.#options
    // Known before anybody is asked: what the kernel learns by it is forgotten again.
    const neighbours = await network.neighbours()
    const found = { links: await network.links(), addresses: await network.addresses() }
    const nic = nicOf(wanted(), found)
    // Nothing is heard on it, and that says nothing; what is wrong with it other lines tell.
    if ('why' in nic) return
    const view = { nic, memory: { host: { network, sysctl }, neighbours }, found }
    const next = Array.from(
      { length: count },
      (_, index) => questions[(this.#turn + index) % questions.length],
    )
    this.#turn = (this.#turn + count) % questions.length
    await each(
      next.filter(question => question !== undefined),
      question => this.#ask(question, view),
    )
  }

  async #ask(question: Question, view: View): Promise<void> {
    const asking =
      question.kind === 'everybody'
        ? this.#askEverybody(question.vip, view)
        : this.#askAlone(question.member, view)
    const heard = await asking.catch(error => {
      // One that went down meanwhile says nothing, and is told of elsewhere.
      if (!(error instanceof NoVantage) || error.obstacle === 'missing-capability')
        this.#stumble(messageOf(error))
      return null
    })
    if (heard === null) return
    this.#obstacle = null
    this.#become(afterHearing(this.#alarms, heard, new Date().toISOString()))
  }

  async #askAlone(member: Member, { nic, memory, found }: View): Promise<Heard | null> {
    const { vip, address } = member
    const hearing = await askRealServer(member, nic, this.#options.wanted(), found, memory)
    if (hearing.kind !== 'silent' && hearing.kind !== 'answers') return null
    return { asked: 'alone', vip, address, mac: hearing.kind === 'answers' ? hearing.mac : null }
  }

  async #askEverybody(vip: IpAddress, { nic, memory, found }: View): Promise<Heard | null> {
    // The standby of a pair: the VIP is on the other director, which answers, rightly.
    if (!found.addresses.some(({ address, link }) => address === vip && link === nic.name)) {
      this.#become(stillAsked(this.#alarms, alarm => !isAbout({ kind: 'everybody', vip }, alarm)))
      return null
    }
    const wanted = this.#options.wanted()
    const { claimants } = await surveyOwners({
      ...memory,
      nic,
      found,
      targets: [vip],
      known: { directors: [], siblings: [], vips: wanted.vips.map(({ address }) => address) },
      // They are asked by an injection, which takes more than a frame.
      guests: 'left out',
    })
    const askedAlone = new Set(
      hidingMembers(wanted).flatMap(member => (member.vip === vip ? [member.address] : [])),
    )
    const claims = (claimants.get(vip) ?? [])
      .filter(({ role, addresses }) => role !== 'this host' && !addresses.some(each => askedAlone.has(each)))
      .map(({ mac, addresses }) => ({
        mac,
        address: addresses.find(address => familyOf(address) === familyOf(vip)) ?? null,
      }))
    return { asked: 'with everybody', vip, claims }
  }

  #become({ alarms, events }: Alarms): void {
    this.#alarms = alarms
    for (const event of events) this.#options.log(event)
    if (events.length > 0) this.#options.onChange()
  }

  #stumble(why: string): void {
    if (why === this.#obstacle) return
    this.#obstacle = why
    this.#options.log({ level: 'warning', subject: '', message: `cannot ask who has the VIPs: ${why}` })
  }
}

function isAbout(question: Question, { asked, vip, address }: ArpAlarm): boolean {
  if (question.kind === 'everybody') return asked === 'with everybody' && question.vip === vip
  return asked === 'alone' && question.member.vip === vip && question.member.address === address
}
