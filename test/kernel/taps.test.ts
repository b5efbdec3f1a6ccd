import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type ArpSighting,
  encodeArpFrame,
  encodeNeighbourSolicitation,
  encodeTcpSegment,
  type NdpSighting,
  type TcpSegment,
  type TcpSighting,
} from '../../agent/host/native.ts'
import type { ArpTapOptions, PortRange } from '../../native/addon/index.d.ts'
import { firstLine } from '../support/first-line.ts'
import type { Host } from '../support/host.ts'
import type { Spawned } from '../support/namespace.ts'
import { Segment } from '../support/segment.ts'
import { differences } from '../support/snapshot.ts'
import { request } from '../support/web-client.ts'
import { passByNativeXdp } from '../support/xdp-pass.ts'
import type { TapAnswer, TapCall, TapKind, TapPlan } from './taps-process.ts'

const VIP = '10.10.10.100'
/** On no segment of ours: nobody answers for it. */
const NOBODY = '192.0.2.1'
const BROADCAST_MAC = 'ff:ff:ff:ff:ff:ff'
const UNKNOWN_MAC = '00:00:00:00:00:00'

let segment: Segment
let server: Host
let client: Host
beforeEach(async () => {
  segment = await Segment.build()
  server = await segment.addHost('server', '10.10.10.12/24')
  client = await segment.addHost('client', '10.10.10.10/24')
  await server.namespace.ip(`addr add ${VIP}/32 dev lo`, 'addr add fd00::12/64 dev eth0 nodad')
  await client.namespace.ip('addr add fd00::10/64 dev eth0 nodad')
})
afterEach(() => segment[Symbol.asyncDispose]())

describe('an ArpTap with senders', () => {
  /** None of them is an address of the server's. */
  const others = Array.from({ length: 1000 }, (_, number) => `198.18.${number >> 8}.${number & 255}`)

  it('shows of what leaves only what names one of them as the sender', async () => {
    await using tap = await watchArp(server, { incoming: 'none', senders: [...others, VIP] })
    await using neighbour = await watchArp(client, { incoming: 'all' })
    await tap.provoke(server.address, NOBODY)
    await neighbour.send(whoHas(server.address))
    await neighbour.until(({ packet }) => packet.operation === 2)
    await tap.provoke(VIP, NOBODY)
    const seen = await tap.until(() => true)
    expect(seen).toEqual([
      expect.objectContaining({ outgoing: true, packet: expect.objectContaining({ senderIp: VIP }) }),
    ])
  })

  it('lets in, of the arriving ones, the replies', async () => {
    await using tap = await watchArp(server, { incoming: 'replies', senders: [VIP] })
    await using neighbour = await watchArp(client, { incoming: 'none' })
    await neighbour.send(whoHas(server.address))
    await neighbour.send(whoHas(server.address, '0.0.0.0'))
    const reply = {
      operation: 2,
      senderMac: client.mac,
      senderIp: VIP,
      targetMac: server.mac,
      targetIp: server.address,
    }
    await neighbour.send(encodeArpFrame(server.mac, client.mac, reply))
    const seen = await tap.until(() => true)
    expect(seen).toEqual([expect.objectContaining({ outgoing: false, sourceMac: client.mac, packet: reply })])
  })

  it('lets in, of the arriving ones, whatever names one of them as its sender, and nothing that leaves', async () => {
    const options: ArpTapOptions = { incoming: 'claims', arrivingOnly: true, senders: [...others, VIP] }
    await using tap = await watchArp(server, options)
    await using neighbour = await watchArp(client, { incoming: 'none', senders: [] })
    await tap.provoke(VIP, NOBODY)
    await neighbour.send(whoHas(server.address))
    await neighbour.send(whoHas(server.address, '0.0.0.0'))
    await neighbour.send(whoHas(NOBODY, VIP))
    const seen = await tap.until(() => true)
    expect(seen).toEqual([
      expect.objectContaining({
        outgoing: false,
        sourceMac: client.mac,
        packet: expect.objectContaining({ operation: 1, senderIp: VIP, targetIp: NOBODY }),
      }),
    ])
  })

  it('shows nothing that leaves when there are none', async () => {
    await using tap = await watchArp(server, { incoming: 'replies', senders: [] })
    await using neighbour = await watchArp(client, { incoming: 'all' })
    await tap.provoke(VIP, NOBODY)
    await neighbour.until(({ packet }) => packet.senderIp === VIP)
    const packet = {
      operation: 2,
      senderMac: client.mac,
      senderIp: VIP,
      targetMac: server.mac,
      targetIp: VIP,
    }
    await neighbour.send(encodeArpFrame(server.mac, client.mac, packet))
    expect(await tap.until(() => true)).toEqual([expect.objectContaining({ outgoing: false })])
  })

  it('sees what a native XDP program passes', async () => {
    const passing = await passByNativeXdp(server, 'eth0')
    expect(await server.run('ip', ['link', 'show', 'eth0'])).toContain(' xdp ')
    await using tap = await watchArp(server, { incoming: 'all', senders: [server.address] })
    await using neighbour = await watchArp(client, { incoming: 'none' })
    await neighbour.send(whoHas(server.address))
    const seen = await tap.until(({ outgoing }) => outgoing)
    expect(seen.map(({ packet }) => packet.operation)).toEqual([1, 2])
    await passing.stop()
    expect(await server.run('ip', ['link', 'show', 'eth0'])).not.toContain(' xdp ')
  })

  function whoHas(targetIp: string, senderIp = client.address): Buffer {
    const packet = { operation: 1, senderMac: client.mac, senderIp, targetMac: UNKNOWN_MAC, targetIp }
    return encodeArpFrame(BROADCAST_MAC, client.mac, packet)
  }
})

describe('provoking an ARP request', () => {
  it.for([
    [0, VIP],
    [1, VIP],
    [2, '10.10.10.12'],
  ] as const)('with arp_announce=%i it names %s', async ([announce, senderIp]) => {
    await server.namespace.writeSysctl('ipv4/conf/eth0/arp_announce', announce)
    // 1 heeds the target's subnet: an address of the segment tells it from 2.
    const targetIp = '10.10.10.200'
    await using tap = await watchArp(server, { incoming: 'none' })
    const before = await server.snapshot()
    await tap.provoke(VIP, targetIp)
    expect(differences(before, await server.snapshot())).toEqual([])
    const packet = { operation: 1, senderMac: server.mac, senderIp, targetMac: UNKNOWN_MAC, targetIp }
    expect(await tap.until(() => true)).toEqual([
      expect.objectContaining({ outgoing: true, destinationMac: BROADCAST_MAC, packet }),
    ])
  })

  it('leaves no entry of an address that answers', async () => {
    await using tap = await watchArp(server, { incoming: 'replies' })
    const before = await server.snapshot()
    await tap.provoke(server.address, client.address)
    await tap.until(({ outgoing }) => !outgoing)
    expect(differences(before, await server.snapshot())).toEqual([])
  })

  it('leaves an entry that was there, and sends nothing', async () => {
    await server.namespace.ip(`neigh add ${NOBODY} lladdr 02:00:00:00:00:99 nud stale dev eth0`)
    await using tap = await watchArp(server, { incoming: 'none' })
    const before = await server.snapshot()
    await expect(tap.provoke(VIP, NOBODY)).rejects.toMatchObject({ code: 'EEXIST' })
    expect(differences(before, await server.snapshot())).toEqual([])
    await expectNothingSent(tap)
  })

  it('sends nothing from an address that is not of this host', async () => {
    await using tap = await watchArp(server, { incoming: 'none' })
    await expect(tap.provoke('10.10.10.99', NOBODY)).rejects.toMatchObject({ code: 'EADDRNOTAVAIL' })
    await expectNothingSent(tap)
  })

  it('sends nothing where it may not delete the entry again', async () => {
    await using tap = await watchArp(server, { incoming: 'none' }, '-net_admin')
    await expect(tap.provoke(VIP, NOBODY)).rejects.toMatchObject({ code: 'EPERM' })
    await using able = await watchArp(server, { incoming: 'none' })
    await able.provoke(VIP, '192.0.2.2')
    const seen = await tap.until(() => true)
    expect(seen.map(({ packet }) => packet.targetIp)).toEqual(['192.0.2.2'])
  })

  it('says when the NIC is down', async () => {
    await using tap = await watchArp(server, { incoming: 'none' })
    await server.namespace.ip('link set eth0 down')
    const before = await server.snapshot()
    await expect(tap.provoke(VIP, NOBODY)).rejects.toMatchObject({ code: 'ENETUNREACH' })
    expect(differences(before, await server.snapshot())).toEqual([])
  })

  /** Beside the request that ends the wait. */
  async function expectNothingSent(tap: Tap<ArpSighting>): Promise<void> {
    await tap.provoke(VIP, '192.0.2.2')
    const seen = await tap.until(() => true)
    expect(seen.map(({ packet }) => packet.targetIp)).toEqual(['192.0.2.2'])
  }
})

describe('an NdpTap', () => {
  it.for(['fd00::10', '::'])('sees a question from %s and the answer at both ends', async sourceIp => {
    await using asking = await watchNdp(client)
    await using asked = await watchNdp(server)
    const question = { sourceIp, destinationIp: 'ff02::1:ff00:12', targetIp: 'fd00::12' }
    const macs = { sourceMac: client.mac, destinationMac: '33:33:ff:00:00:12' }
    const option = sourceIp === '::' ? undefined : client.mac
    await asking.send(
      encodeNeighbourSolicitation({ ...macs, ...question, ...(option && { sourceLinkLayer: option }) }),
    )
    const isAnswer = ({ packet }: NdpSighting) => packet.kind === 'advertisement'
    for (const [tap, isAsking] of [
      [asking, true],
      [asked, false],
    ] as const) {
      const seen = (await tap.until(isAnswer)).filter(({ packet }) => packet.targetIp === 'fd00::12')
      expect(seen).toEqual([
        expect.objectContaining({
          outgoing: isAsking,
          ...macs,
          packet: { kind: 'solicitation', ...question, ...(option && { linkLayerAddress: option }) },
        }),
        expect.objectContaining({
          outgoing: !isAsking,
          sourceMac: server.mac,
          packet: {
            kind: 'advertisement',
            sourceIp: 'fd00::12',
            // RFC 4861, section 7.2.4: to all when nobody in particular asked.
            destinationIp: sourceIp === '::' ? 'ff02::1' : sourceIp,
            targetIp: 'fd00::12',
            linkLayerAddress: server.mac,
          },
        }),
      ])
    }
  })

  it("sees the kernel's own questions, and no other traffic", async () => {
    await serveBothVersions(server)
    await using tap = await watchNdp(client)
    await request(client, 'http://[fd00::12]/')
    await request(client, 'http://10.10.10.12/')
    const seen = await tap.until(({ packet }) => packet.kind === 'advertisement')
    expect(seen.filter(({ packet }) => packet.targetIp === 'fd00::12')).toMatchObject([
      { outgoing: true, packet: { kind: 'solicitation', linkLayerAddress: client.mac } },
      { outgoing: false, packet: { kind: 'advertisement', linkLayerAddress: server.mac } },
    ])
  })
})

describe('a TcpTap', () => {
  const PORTS: PortRange = { first: 40_000, last: 40_009 }
  const versions = [
    ['10.10.10.10', '10.10.10.12'],
    ['fd00::10', 'fd00::12'],
  ] as const

  it.for(versions)('sees a connection from %s to %s at both ends', async ([sourceIp, destinationIp]) => {
    await serveBothVersions(server)
    // What other ports do is not seen: this request comes from one.
    await using near = await watchTcp(client)
    await using far = await watchTcp(server)
    const host = destinationIp.includes(':') ? `[${destinationIp}]` : destinationIp
    await request(client, `http://${host}/`)
    await client.run('tee', ['/proc/sys/net/ipv4/ip_local_port_range'], { input: '40000 40009\n' })
    await request(client, `http://${host}/`)
    for (const [tap, isClient] of [
      [near, true],
      [far, false],
    ] as const) {
      const seen = await tap.until(({ packet }) => packet.kind === 'segment' && packet.fin)
      const [syn, synAck, ack] = seen
      const clientPort = syn?.packet.kind === 'segment' ? syn.packet.sourcePort : 0
      expect(clientPort).toBeGreaterThanOrEqual(PORTS.first)
      expect(clientPort).toBeLessThanOrEqual(PORTS.last)
      const there = { sourceIp, destinationIp, sourcePort: clientPort, destinationPort: 80 }
      const back = {
        sourceIp: destinationIp,
        destinationIp: sourceIp,
        sourcePort: 80,
        destinationPort: clientPort,
      }
      expect([syn, synAck, ack]).toMatchObject([
        { outgoing: isClient, packet: { ...there, syn: true, ack: false, rst: false, fin: false } },
        { outgoing: !isClient, packet: { ...back, syn: true, ack: true, rst: false, fin: false } },
        { outgoing: isClient, packet: { ...there, syn: false, ack: true, rst: false, fin: false } },
      ])
    }
  })

  it.for(versions)('a SYN of its own from %s is answered, and its RST ends that', async ([, serverIp]) => {
    await serveBothVersions(server)
    // A client that the segment knows nothing of: no kernel of its own answers for it.
    const clientIp = serverIp.includes(':') ? 'fd00::77' : '10.10.10.77'
    await server.namespace.ip(`neigh add ${clientIp} lladdr ${client.mac} nud permanent dev eth0`)
    await using tap = await watchTcp(client)
    const segment = {
      sourceMac: client.mac,
      destinationMac: server.mac,
      sourceIp: clientIp,
      destinationIp: serverIp,
      sourcePort: PORTS.first,
      destinationPort: 80,
      sequence: 0xffff_ffff,
      acknowledgement: 0,
      flags: 'syn',
    } satisfies TcpSegment
    const halfOpen = () => server.run('ss', ['-Htan', 'state', 'syn-recv'])
    await tap.send(encodeTcpSegment(segment))
    const answer = (await tap.until(({ outgoing }) => !outgoing)).at(-1)
    expect(answer).toMatchObject({ packet: { syn: true, ack: true, rst: false, acknowledgement: 0 } })
    expect(await halfOpen()).toContain(clientIp)
    await tap.send(encodeTcpSegment({ ...segment, sequence: 0, flags: 'rst' }))
    await expect.poll(halfOpen).toBe('')
  })

  it.for(versions)('sees from %s that nothing listens on %s', async ([sourceIp, destinationIp]) => {
    await using tap = await watchTcp(client)
    const segment = syn({ sourceIp, destinationIp, sourcePort: PORTS.last })
    await tap.send(encodeTcpSegment(segment))
    const seen = await tap.until(({ outgoing }) => !outgoing)
    expect(seen.at(-1)).toMatchObject({
      packet: { destinationPort: PORTS.last, rst: true, ack: true, acknowledgement: 8 },
    })
  })

  it.for([
    ['10.10.10.10', '10.99.0.1', { type: 3, code: 13, sourceIp: '10.10.10.12' }],
    ['fd00::10', 'fd99::1', { type: 1, code: 1, sourceIp: 'fd00::12' }],
  ] as const)(
    'sees that a router lets nothing through from %s to %s',
    async ([sourceIp, destinationIp, error]) => {
      await server.namespace.writeSysctl(['ipv4/conf/all/forwarding', 'ipv6/conf/all/forwarding'], 1)
      await server.namespace.ip(`route add prohibit ${destinationIp}`)
      await using tap = await watchTcp(client)
      // The error about a port that is not watched comes first, and is not seen.
      for (const sourcePort of [PORTS.last + 1, PORTS.last]) {
        await tap.send(encodeTcpSegment(syn({ sourceIp, destinationIp, sourcePort })))
      }
      const seen = await tap.until(({ outgoing }) => !outgoing)
      const ports = { sourcePort: PORTS.last, destinationPort: 80 }
      expect(seen).toMatchObject([
        { outgoing: true, packet: { kind: 'segment', ...ports } },
        {
          outgoing: false,
          packet: {
            kind: 'icmp-error',
            ...error,
            destinationIp: sourceIp,
            quoted: { sourceIp, destinationIp, ...ports },
          },
        },
      ])
    },
  )

  function watchTcp(host: Host): Promise<Tap<TcpSighting>> {
    return Tap.open(host, { kind: 'tcp', options: { clientPorts: PORTS } })
  }

  function syn(ends: Pick<TcpSegment, 'sourceIp' | 'destinationIp' | 'sourcePort'>): TcpSegment {
    const macs = { sourceMac: client.mac, destinationMac: server.mac }
    return { ...macs, ...ends, destinationPort: 80, sequence: 7, acknowledgement: 0, flags: 'syn' }
  }
})

/** A web server that, unlike those of other tests, serves IPv6 too. */
async function serveBothVersions(host: Host): Promise<void> {
  const program = `require('node:http').createServer((_, answer) => answer.end('{}')).listen(80, '::', () => console.log())`
  await firstLine(host.spawn(process.execPath, ['--eval', program]))
}

function watchArp(host: Host, options: ArpTapOptions, boundingSet?: string): Promise<Tap<ArpSighting>> {
  return Tap.open(host, { kind: 'arp', options }, boundingSet)
}

function watchNdp(host: Host): Promise<Tap<NdpSighting>> {
  return Tap.open(host, { kind: 'ndp' })
}

/** A tap on the first NIC of a host, in a process of that host, with a sender beside it. */
class Tap<Sighting> implements AsyncDisposable {
  readonly #process: Spawned
  readonly #waiting = new Map<number, (answer: TapAnswer) => void>()
  #calls = 0

  /** `boundingSet` as setpriv has it. */
  static async open<Sighting>(host: Host, kind: TapKind, boundingSet = '+all'): Promise<Tap<Sighting>> {
    const [link] = JSON.parse(await host.run('ip', ['-j', 'link', 'show', host.nics[0]?.name ?? '']))
    const plan: TapPlan = { ifindex: link.ifindex, tap: kind }
    const command = [process.execPath, tapProgram, JSON.stringify(plan)]
    const spawned = host.spawn('setpriv', [`--bounding-set=${boundingSet}`, '--', ...command])
    await firstLine(spawned)
    return new Tap(spawned)
  }

  private constructor(spawned: Spawned) {
    this.#process = spawned
    createInterface(spawned.stdout).on('line', line => {
      const answer: TapAnswer = JSON.parse(line)
      this.#waiting.get(answer.id)?.(answer)
    })
  }

  /** What the tap saw since the last time, up to the batch with a sighting that is the last; 5 s without is an error. */
  async until(isLast: (sighting: Sighting) => boolean): Promise<Sighting[]> {
    const seen: Sighting[] = []
    while (!seen.some(isLast)) {
      const batch = (await this.#call({ call: 'receive', timeoutMs: 5000 })) as Sighting[]
      if (batch.length === 0) throw new Error(`the tap saw no more than ${JSON.stringify(seen)}`)
      seen.push(...batch)
    }
    return seen
  }

  send(frame: Buffer): Promise<unknown> {
    return this.#call({ call: 'send', frameBase64: frame.toString('base64') })
  }

  provoke(sourceIp: string, targetIp: string): Promise<unknown> {
    return this.#call({ call: 'provoke', sourceIp, targetIp })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.stdin.end()
    await this.#process
  }

  async #call(call: TapCall): Promise<unknown> {
    const id = this.#calls++
    const answered = new Promise<TapAnswer>(resolve => this.#waiting.set(id, resolve))
    this.#process.stdin.write(`${JSON.stringify({ id, ...call })}\n`)
    const dead = this.#process.then(({ stderr }) => Promise.reject(new Error(`the tap ended: ${stderr}`)))
    const { value, error } = await Promise.race([answered, dead])
    if (error !== undefined) throw Object.assign(new Error(error.message), error)
    return value
  }
}

const tapProgram = fileURLToPath(new URL('./taps-process.ts', import.meta.url))
