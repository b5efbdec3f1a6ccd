import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { runDirector } from '../../agent/director/run.ts'
import type { RunEvent } from '../../agent/director/run-events.ts'
import { configText } from '../support/config-text.ts'
import { DIRECTOR_VIPS } from '../support/director-scenes.ts'
import { type FakeHost, onFakeHost } from '../support/fake-host.ts'
import { SPARE_DIRECTOR } from '../support/spare-director.ts'

/** A whole run on a host in memory; a real server is up as long as a file of its name is there. */

const text = configText()

interface ServiceText {
  /** Port and protocol. */
  of: string
  rips: readonly string[]
  /** What each check does, beside looking for its file. */
  checks?: readonly string[]
}

/** With what its own checks look for: a file for each real server, or for each real server and word. */
function configOf(...services: ServiceText[]): string {
  const looking = (word: string) =>
    `{ type: command, interval: 50ms, timeout: 5s, rise: 2, fall: 2, command: [sh, -c, 'sleep 0.2; test -e "$0/$RS_AGENT_RIP${word}" || { echo "no file" >&2; exit 1; }', ${text.folder}] }`
  const written = services.map(
    ({ of, rips, checks = [''] }) => `    - listen: 10.10.10.100:${of}
      realServers: [${rips.map(rip => `{ address: ${rip} }`).join(', ')}]
      check: [${checks.map(looking).join(', ')}]
`,
  )
  return `director:\n  interface: eth0\n  arpAudit: off\n  minimumAvailable: 50%\n  services:\n${written.join('')}`
}

/** A process that runs until it is ended; each stands for a process of its own. */
class Running {
  readonly events: string[] = []
  /** What the table holds when each of them is told. */
  readonly tables: Record<string, number>[] = []
  readonly #ending = new AbortController()
  readonly #host: FakeHost
  #config: string
  readonly #done: Promise<void>
  #reload = (): void => undefined

  constructor(host: FakeHost, config: string) {
    this.#host = host
    this.#config = config
    this.#done = runDirector({
      host,
      load: () => text.load(this.#config),
      stamp: () => this.#config,
      log: event => this.#log(event),
      signal: this.#ending.signal,
      onReload: listener => {
        this.#reload = listener
      },
    })
  }

  reload(config: string): void {
    this.#config = config
    this.#reload()
  }

  /** The table at the moment when it was said. */
  async whenSaid(what: RegExp): Promise<Record<string, number>> {
    await expect.poll(() => this.events.some(event => what.test(event)), { timeout: 20_000 }).toBe(true)
    return this.tables[this.events.findIndex(event => what.test(event))] ?? {}
  }

  async end(): Promise<void> {
    this.#ending.abort()
    await this.#done
  }

  #log({ subject, message }: RunEvent): void {
    this.events.push(`${subject}: ${message}`)
    this.tables.push(weights(this.#host))
  }
}

/** `tcp 12` is the real server 10.10.10.12 of the service by TCP. */
function weights(host: FakeHost): Record<string, number> {
  const pools = host.snapshot().ipvs?.pools ?? []
  return Object.fromEntries(
    pools.flatMap(({ service: { key }, destinations }) =>
      destinations.map(({ address, weight }) => [
        `${key.kind === 'address' ? key.protocol : ''} ${address.replace('10.10.10.', '')}`,
        weight,
      ]),
    ),
  )
}

const up = (name: string): void => writeFileSync(join(text.folder, name), '')
const down = (name: string): void => rmSync(join(text.folder, name))

it('keeps the real servers of before in rotation until one of those that replace them is seen to work', async () => {
  await onFakeHost(SPARE_DIRECTOR, { served: DIRECTOR_VIPS }, async host => {
    for (const name of ['10.10.10.12', '10.10.10.14']) up(name)
    const run = new Running(host, configOf({ of: '80/tcp', rips: ['10.10.10.12'] }))
    expect(await run.whenSaid(/running/)).toEqual({ 'tcp 12': 1 })
    run.reload(configOf({ of: '80/tcp', rips: ['10.10.10.14', '10.10.10.15'] }))
    expect(await run.whenSaid(/read again/)).toMatchObject({ 'tcp 14': 1 })
    await run.end()
  })
})

it('does not wait for ever for real servers of which none is seen to work, and has the fallback serve', async () => {
  await onFakeHost(SPARE_DIRECTOR, { served: DIRECTOR_VIPS }, async host => {
    up('10.10.10.12')
    const run = new Running(host, configOf({ of: '80/tcp', rips: ['10.10.10.12'] }))
    await run.whenSaid(/running/)
    run.reload(
      configOf({ of: '80/tcp', rips: ['10.10.10.14'] })
        .replace('sleep 0.2', 'sleep 60')
        .replace('timeout: 5s', 'timeout: 90s')
        .replace('check:', 'fallback: 10.10.10.31:80\n      check:'),
    )
    expect(await run.whenSaid(/read again/)).toEqual({ 'tcp 14': 0, 'tcp 31': 1 })
    await run.end()
  })
})

it('takes what a killed run knew of each: since when, and why, and by which of its checks', async () => {
  await onFakeHost(SPARE_DIRECTOR, { served: DIRECTOR_VIPS }, async host => {
    for (const name of ['10.10.10.12', '10.10.10.12-large', '10.10.10.13', '10.10.10.13-large']) up(name)
    const rips = ['10.10.10.12', '10.10.10.13']
    const config = configOf(
      { of: '53/tcp', rips, checks: ['', '-large'] },
      // The same check of the same real servers, which alone is asked here.
      { of: '53/udp', rips },
    )
    const first = new Running(host, config)
    await first.whenSaid(/running/)
    down('10.10.10.12-large')
    const out = /10.10.10.12:53 of 10.10.10.100:53.tcp: out of rotation: sh: exit status 1: no file/
    const before = await first.whenSaid(out)
    expect(before).toEqual({ 'tcp 12': 0, 'tcp 13': 1, 'udp 12': 1, 'udp 13': 1 })
    await first.end()

    const second = new Running(host, config)
    expect(await second.whenSaid(/running/)).toEqual(before)
    await second.whenSaid(out)
    expect(second.events.filter(event => /out of rotation/.test(event))).toHaveLength(1)
    up('10.10.10.12-large')
    expect(await second.whenSaid(/10.10.10.12:53 .* in rotation/)).toMatchObject({ 'tcp 12': 1 })
    await second.end()
  })
})

it('keeps no fewer than the minimum in rotation, loudly, and the same ones after a reload that is refused', async () => {
  await onFakeHost(SPARE_DIRECTOR, { served: DIRECTOR_VIPS }, async host => {
    const rips = ['10.10.10.12', '10.10.10.13']
    for (const name of rips) up(name)
    const config = configOf({ of: '80/tcp', rips })
    const run = new Running(host, config)
    await run.whenSaid(/running/)
    down('10.10.10.12')
    expect(await run.whenSaid(/10.10.10.12:80 .* out of rotation/)).toEqual({ 'tcp 12': 0, 'tcp 13': 1 })
    down('10.10.10.13')
    expect(
      await run.whenSaid(
        /10.10.10.13:80 .* down, and kept in rotation by minimumAvailable: sh: exit status 1/,
      ),
    ).toEqual({ 'tcp 12': 0, 'tcp 13': 1 })
    const told = run.events.length
    // It can be read, and this host cannot be it: it has no such NIC.
    run.reload(configOf({ of: '80/tcp', rips: ['10.10.10.14'] }).replace('eth0', 'eth9'))
    await run.whenSaid(/eth9.* the configuration of before stays in use/)
    run.reload(config)
    expect(await run.whenSaid(/read again/)).toEqual({ 'tcp 12': 0, 'tcp 13': 1 })
    expect(run.events.slice(told).filter(event => /rotation/.test(event))).toEqual([])
    up('10.10.10.12')
    expect(await run.whenSaid(/10.10.10.12:80 .*: in rotation/)).toEqual({ 'tcp 12': 1, 'tcp 13': 0 })
    await run.end()
  })
})
