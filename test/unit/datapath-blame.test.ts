import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Host } from '../../agent/host/host.ts'
import { familyOf, hostPrefixLength, type IpAddress } from '../../agent/model/address.ts'
import type { Link, RouteAnswer, Rule } from '../../agent/model/network.ts'
import { blame, type Finding } from '../../agent/realserver/verify/datapath-blame.ts'
import type { Reaction } from '../../agent/realserver/verify/knocking.ts'
import type { FoundHost } from '../../agent/reconcile/found.ts'

const VIP = '10.10.10.100' as IpAddress
const VIP6 = '2001:db8:10::100' as IpAddress
const RIP = '10.10.10.12' as IpAddress
const CLIENT = '172.31.7.10' as IpAddress
const GATEWAY = '10.10.10.1' as IpAddress
const LOOPBACK = '127.0.0.1' as IpAddress

/** One port on which this process listens, on 127.0.0.1 alone, and one on which nobody does. */
const port = { served: 0, closed: 0 }
const server = createServer()
beforeAll(async () => {
  const other = createServer()
  for (const each of [server, other]) await once(each.listen(0, LOOPBACK), 'listening')
  port.served = (server.address() as AddressInfo).port
  port.closed = (other.address() as AddressInfo).port
  await once(other.close(), 'close')
})
afterAll(() => void server.close())

describe('an answer from another address', () => {
  it('is blamed on address translation', async () => {
    const finding = await blameFor({
      reaction: { kind: 'accepted', from: RIP, latencyMs: 1, by: 'eth0', method: 'xdp', ended: true },
    })
    expect(finding.evidence).toContain(`answered from ${RIP} instead of ${VIP}`)
    expect(finding.hint).toContain('NAT')
  })
})

describe('a reset', () => {
  const reset: Reaction = { kind: 'reset', from: VIP }

  it('says that nothing listens', async () => {
    const finding = await blameFor({ reaction: reset, port: port.closed })
    expect(finding.evidence).toBe(
      `nothing listens on ${VIP}:${port.closed}: the SYN of a client was refused with RST`,
    )
    expect(finding.suspect).toBeUndefined()
  })

  it('says where the port is served instead', async () => {
    const { evidence } = await blameFor({ reaction: reset, port: port.served })
    expect(evidence).toMatch(new RegExp(`; port ${port.served} is served only on 127.0.0.1$`))
  })

  it('of an IPv6 VIP names its address as a URL does', async () => {
    const { evidence, hint } = await blameFor({ vip: VIP6, reaction: reset, port: port.closed })
    expect(evidence).toContain(`nothing listens on [${VIP6}]:${port.closed}`)
    expect(hint).toContain(`[${VIP6}]:${port.closed}`)
  })

  it('is the firewall when something listens there, with the names of its tables', async () => {
    const finding = await blameFor({
      vip: LOOPBACK,
      reaction: reset,
      port: port.served,
      filters: ['inet guard/doorman'],
    })
    expect(finding.evidence).toMatch(/firewall rejects it \(inet guard\/doorman\)$/)
    expect(finding.suspect).toBe('firewall')
  })

  it('is a listener of another NIC when there is no firewall, and perhaps when its tables are secret', async () => {
    const refused = { vip: LOOPBACK, reaction: reset, port: port.served }
    const { evidence, suspect } = await blameFor({ ...refused, filters: [] })
    expect(evidence).toContain('of another NIC alone (SO_BINDTODEVICE)')
    expect(suspect).toBeUndefined()
    const secret = await blameFor({ ...refused, filters: 'EPERM' })
    expect(secret.evidence).toContain('the firewall rejects it')
    expect(secret.hint).toContain('tied to another NIC?')
  })

  it('is the VRF of the NIC when what listens is outside of it, and otherwise the firewall', async () => {
    const vrf: Link = { ...NIC, index: 9, name: 'blue', kind: 'vrf' }
    const inVrf = {
      vip: LOOPBACK,
      reaction: reset,
      port: port.served,
      nic: { ...NIC, master: 9 },
      found: { links: [NIC, vrf] },
    }
    const closed = await blameFor({ ...inVrf, takesFromVrfs: '0' })
    expect(closed.evidence).toContain('eth0 belongs to a VRF')
    expect(closed.hint).toContain('tcp_l3mdev_accept=1')
    expect(closed.suspect).toBeUndefined()
    const open = { ...inVrf, takesFromVrfs: '1', filters: ['inet guard/doorman'] }
    expect((await blameFor(open)).suspect).toBe('firewall')
  })
})

describe('silence', () => {
  it('is blamed on a VIP that is not bound before anything else', async () => {
    const finding = await blameFor({ found: { addresses: [] }, arrival: refused('EXDEV') })
    expect(finding.evidence).toContain(`${VIP} is not bound`)
    expect(finding.hint).toContain(`ip addr add ${VIP}/32 dev lo`)
    const six = await blameFor({ vip: VIP6, found: { addresses: [] } })
    expect(six.hint).toContain(`ip addr add ${VIP6}/128 dev lo`)
  })

  it('is blamed on rp_filter, as old kernels tell and as late ones do', async () => {
    const old = await blameFor({ arrival: refused('EXDEV') })
    expect(old.evidence).toContain('rp_filter drops what a client sends')
    expect(old.hint).toContain('net/ipv4/conf/eth0/rp_filter=2')
    const late = { arrival: refused('EINVAL'), departure: unicast('eth1') }
    const sysctls = { 'net/ipv4/conf/all/rp_filter': '1' }
    expect((await blameFor({ ...late, found: { sysctls } })).evidence).toContain('rp_filter drops')
    expect((await blameFor(late)).evidence).toContain('a policy keeps')
  })

  it('is blamed on a rule that keeps the VIP away, with the rules that not every host has', async () => {
    const rules = [rule(0, 'local'), rule(50, 'black'), rule(32_766, 'main'), rule(32_767, 'default')]
    const prohibited = await blameFor({ arrival: refused('EACCES'), rules })
    expect(prohibited.evidence).toMatch(/a policy keeps .*\(EACCES\); ip rule has: black$/)
    const elsewhere = await blameFor({ arrival: unicast('eth1'), rules: rules.slice(1) })
    expect(elsewhere.evidence).toMatch(/is routed to eth1 instead; ip rule has: no rule "0: .*" \| black$/)
    const nowhere = await blameFor({ arrival: { ...unicast('eth1'), link: null } })
    expect(nowhere.evidence).toContain('is routed nowhere instead')
  })

  it('is blamed on the way back', async () => {
    const policy = await blameFor({ departure: refused('ENETUNREACH') })
    expect(policy.evidence).toContain(`from ${VIP} to ${CLIENT} the kernel says ENETUNREACH`)
    const own = await blameFor({ departure: LOCAL })
    expect(own.evidence).toContain(`${CLIENT} counts as this host's own address`)
  })

  it('is blamed on a gateway, or a client, that is not there', async () => {
    const obstacle = { kind: 'absent', why: 'does not answer on eth0' } as const
    expect((await blameFor({ obstacle })).evidence).toContain('the gateway does not answer on eth0')
    expect((await blameFor({ obstacle, nextHop: CLIENT })).evidence).toContain('the client does not answer')
  })

  it('may be a rule for marked packets, which nobody can ask about', async () => {
    const rules = [rule(0, '0: from all lookup local'), rule(60, '60: from all fwmark 0x1 blackhole')]
    expect((await blameFor({ rules })).evidence).toMatch(
      /firewall; or a rule for .*: 60: from all fwmark 0x1/,
    )
  })

  it('is the firewall when all else is right, whether or not its tables can be read', async () => {
    const named = await blameFor({ filters: ['inet guard/doorman', 'tc ingress'] })
    expect(named.evidence).toMatch(/so it is a firewall \(inet guard\/doorman, tc ingress\)$/)
    expect(named.suspect).toBe('firewall')
    const secret = await blameFor({ filters: 'EPERM' })
    expect(secret.evidence).toMatch(/so it is a firewall$/)
  })
})

describe('an ICMP error', () => {
  const icmp: Reaction = { kind: 'icmp', type: 3, code: 13, from: RIP }

  it('is the firewall when the routes are right', async () => {
    const finding = await blameFor({ reaction: icmp })
    expect(finding.evidence).toContain(`the host answered with ICMP type 3 code 13 from ${RIP}`)
    expect(finding.suspect).toBe('firewall')
  })

  it('is the route when that is wrong, and is told beside it', async () => {
    const finding = await blameFor({ reaction: icmp, arrival: refused('EHOSTUNREACH') })
    expect(finding.evidence).toMatch(/a policy keeps .*; the host answered with ICMP type 3 code 13/)
    expect(finding.suspect).toBeUndefined()
  })
})

const NIC: Link = {
  index: 2,
  name: 'eth0',
  mac: '02:00:00:00:01:00',
  up: true,
  carrier: true,
  loopback: false,
  arp: true,
}

const LOCAL: RouteAnswer = { kind: 'route', type: 2, table: 255, link: 'lo', gateway: null, source: null }

interface Case {
  vip?: IpAddress
  port?: number
  nic?: Link
  reaction?: Reaction
  arrival?: RouteAnswer
  departure?: RouteAnswer
  nextHop?: IpAddress
  obstacle?: { kind: 'absent'; why: string }
  found?: Partial<FoundHost>
  rules?: Rule[]
  /** Their names, or why they cannot be read. */
  filters?: string[] | string
  /** tcp_l3mdev_accept; a kernel without VRFs has none. */
  takesFromVrfs?: string
}

/** On a host where, unless told, everything is right and the SYN vanished. */
function blameFor(told: Case): Promise<Finding> {
  const { vip = VIP, nic = NIC, rules = [], filters = [] } = told
  const host = {
    network: { rules: async () => rules },
    sysctl: { read: () => told.takesFromVrfs ?? null },
    netfilter: {
      packetFilters: async () => {
        if (typeof filters === 'string') throw new Error(filters)
        return filters
      },
    },
  } as unknown as Host
  const bound = { link: 'lo', address: vip, scope: 0, flags: 0, secondary: false }
  const found: FoundHost = {
    links: [nic],
    addresses: [{ ...bound, prefixLength: hostPrefixLength(vip) }],
    routes: [],
    sysctls: {},
    files: {},
    ...told.found,
  }
  const client = familyOf(vip) === 4 ? CLIENT : ('fd00:99::10' as IpAddress)
  return blame(host, found, {
    nic,
    knock: { client, clientPort: 40_000, vip, fromMac: null, port: told.port ?? port.closed },
    client: { address: client, isGuess: false, name: 'a client' },
    way: {
      arrival: told.arrival ?? LOCAL,
      departure: told.departure ?? unicast('eth0'),
      nextHop: told.nextHop ?? GATEWAY,
      obstacle: told.obstacle ?? null,
    },
    reaction: told.reaction ?? { kind: 'silence' },
  })
}

function unicast(link: string): Extract<RouteAnswer, { kind: 'route' }> {
  return { kind: 'route', type: 1, table: 254, link, gateway: GATEWAY, source: null }
}

function refused(code: string): RouteAnswer {
  return { kind: 'refused', code, message: code }
}

function rule(priority: number, text: string): Rule {
  return {
    priority,
    action: 1,
    table: 254,
    source: null,
    destination: null,
    arrivingOn: null,
    leavingBy: null,
    text,
  }
}
