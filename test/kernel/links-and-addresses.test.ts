import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import type { Host } from '../support/host.ts'
import { Segment } from '../support/segment.ts'
import { xdpObjectFile } from '../support/xdp-program.ts'
import { Engine } from './netlink-engine.ts'

let segment: Segment
let host: Host
let engine: Engine
beforeEach(async () => {
  segment = await Segment.build()
  host = await segment.addHost('rs', '10.10.10.12/24')
  engine = new Engine(host)
})
afterEach(() => segment[Symbol.asyncDispose]())

describe('an XDP program', () => {
  it.for([
    ['xdpgeneric', 'generic'],
    ['xdpdrv', 'native'],
  ] as const)('that `ip` attached as %s is told to be %s', async ([word, mode]) => {
    const folder = mkdtempSync(join(tmpdir(), 'rs-agent-xdp-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const file = join(folder, 'pass.o')
    writeFileSync(file, xdpObjectFile())
    const before = await engine.links()
    await host.run('ip', ['link', 'set', 'dev', 'eth0', word, 'obj', file, 'sec', 'xdp'])
    expect(await engine.links()).toEqual(
      before.map(link => (link.name === 'eth0' ? { ...link, xdp: mode } : link)),
    )
    await host.run('ip', ['link', 'set', 'dev', 'eth0', word, 'off'])
    expect(await engine.links()).toEqual(before)
  })
})

describe('an IPv6 address', () => {
  const ADDRESS = '2001:db8::12'
  const found = async () => (await engine.addresses()).find(({ address }) => address === ADDRESS)
  const FORM = { link: 'eth0', address: ADDRESS, prefixLength: 64, scope: 0, flags: 0, secondary: false }

  it('is tentative until it is known to be the only one, and that is not part of it', async () => {
    await host.namespace.writeSysctl('ipv6/conf/eth0/accept_dad', 1)
    // The check takes as long as the test needs.
    await host.namespace.writeSysctl('ipv6/conf/eth0/dad_transmits', 600)
    await host.namespace.ip(`addr add ${ADDRESS}/64 dev eth0`)
    expect(await found()).toEqual({ ...FORM, tentative: true })
  })

  it('is told to be a duplicate when another host has it', async () => {
    const peer = await segment.addHost('peer', '10.10.10.13/24')
    await peer.namespace.ip(`addr add ${ADDRESS}/64 dev eth0`)
    await host.namespace.writeSysctl('ipv6/conf/eth0/accept_dad', 1)
    await host.namespace.ip(`addr add ${ADDRESS}/64 dev eth0`)
    await expect.poll(found, { timeout: 5000 }).toEqual({ ...FORM, tentative: true, duplicate: true })
  })

  it('is neither of both without the check', async () => {
    await host.namespace.ip(`addr add ${ADDRESS}/64 dev eth0`)
    expect(await found()).toEqual(FORM)
  })
})
