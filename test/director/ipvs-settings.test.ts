import { execFileSync } from 'node:child_process'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { familyOf, type IpAddress } from '../../agent/model/address.ts'
import {
  type Destination,
  type Forwarding,
  type FoundPool,
  type Persistence,
  type Pool,
  SCHEDULERS,
  type ServiceKey,
  type SyncDaemon,
  schedulerFlags,
  serviceText,
  type VirtualService,
} from '../../agent/model/ipvs.ts'
import { ipvsadmRules } from '../../agent/report/ipvsadm-rules.ts'
import { Namespace } from '../support/namespace.ts'
import { IpvsEngine } from './ipvs-engine.ts'

let namespace: Namespace
let ipvs: IpvsEngine
beforeAll(async () => {
  execFileSync('modprobe', ['ip_vs'])
  namespace = await Namespace.open()
  await namespace.ip(
    'link set lo up',
    'link add eth0 type veth peer name far',
    'addr add 10.10.10.11/24 dev eth0',
    'addr add 2001:db8::11/64 dev eth0 nodad',
    'link set eth0 up',
    'link set far up',
  )
  ipvs = new IpvsEngine(namespace)
})
beforeEach(() => ipvs.edit([{ edit: 'flush' }]))
afterAll(async () => {
  expect(await ipvs.end()).toMatchObject({ exitCode: 0, stderr: '' })
  await namespace[Symbol.asyncDispose]()
})

const ip = (text: string) => text as IpAddress
const KEY: ServiceKey = { kind: 'address', protocol: 'tcp', address: ip('10.10.10.100'), port: 80 }
const KEY6: ServiceKey = { kind: 'address', protocol: 'tcp', address: ip('2001:db8::100'), port: 80 }
const MARK: ServiceKey = { kind: 'firewallMark', mark: 7, family: 4 }
const MARK6: ServiceKey = { kind: 'firewallMark', mark: 7, family: 6 }
const DIRECT: Forwarding = { method: 'direct-route' }

const service = (key: ServiceKey, part: Partial<VirtualService> = {}): VirtualService => ({
  key,
  scheduler: 'rr',
  schedulerFlags: [],
  onePacket: false,
  persistence: null,
  persistenceEngine: null,
  ...part,
})
const realServer = (address: string, part: Partial<Destination> = {}): Destination => ({
  address: ip(address),
  port: 80,
  forwarding: DIRECT,
  weight: 1,
  upperThreshold: 0,
  lowerThreshold: 0,
  ...part,
})

describe('what is set is read back, and ipvsadm says the same', () => {
  it.each([...SCHEDULERS])('scheduler %s, or its module is named', async (scheduler, { module }) => {
    const flags = schedulerFlags(scheduler)
    const adding = ipvs.edit([{ edit: 'add-service', service: service(KEY, { scheduler }) }])
    if (!isInThisKernel(module)) {
      await expect(adding).rejects.toMatchObject({
        code: 'unsupported',
        hint: expect.stringContaining(module),
      })
      return
    }
    await adding
    await expectTable([{ service: service(KEY, { scheduler }), destinations: [] }])
    for (const flag of flags) {
      const changed = service(KEY, { scheduler, schedulerFlags: [flag] })
      await ipvs.edit([{ edit: 'edit-service', service: changed }])
      expect((await ipvs.service(KEY))?.schedulerFlags).toEqual([flag])
    }
    await ipvs.edit([{ edit: 'edit-service', service: service(KEY, { scheduler }) }])
    expect((await ipvs.service(KEY))?.schedulerFlags).toEqual([])
  })

  it('keys: addresses of all protocols and both families, and firewall marks', async () => {
    const keys: ServiceKey[] = [
      KEY,
      { ...KEY, port: 443 },
      { ...KEY, protocol: 'udp' },
      { ...KEY, protocol: 'sctp' },
      { ...KEY, address: ip('10.10.10.101') },
      KEY6,
      { ...KEY6, protocol: 'udp', port: 65_535 },
      MARK,
      MARK6,
      { ...MARK, mark: 0x7fff_ffff },
    ]
    await make(keys.map(key => ({ service: service(key), destinations: [] })))
    expect(new Set((await ipvs.services()).map(({ key }) => serviceText(key)))).toEqual(
      new Set(keys.map(serviceText)),
    )
    await ipvs.edit(keys.slice(1).map(key => ({ edit: 'delete-service', key })))
    await expectTable([{ service: service(KEY), destinations: [] }])
  })

  it('a firewall mark that ipvsadm takes for a negative number', async () => {
    const key: ServiceKey = { ...MARK, mark: 0xffff_fffe }
    await ipvs.edit([{ edit: 'add-service', service: service(key) }])
    expect(await ipvs.service(key)).toMatchObject({ key })
  })

  const persistences: [ServiceKey, Persistence][] = [
    [KEY, { timeoutSeconds: 1, netmask: ip('255.255.255.255') }],
    [KEY, { timeoutSeconds: 2_678_400, netmask: ip('255.255.255.0') }],
    [
      { ...KEY, port: 0 },
      { timeoutSeconds: 360, netmask: ip('255.255.0.255') },
    ],
    [MARK, { timeoutSeconds: 360, netmask: ip('255.255.255.252') }],
    [KEY6, { timeoutSeconds: 360, netmask: 128 }],
    [
      { ...KEY6, port: 0 },
      { timeoutSeconds: 360, netmask: 64 },
    ],
    [MARK6, { timeoutSeconds: 360, netmask: 1 }],
  ]
  it('persistence with any mask, and without again', async () => {
    await make(
      persistences.map(([key, persistence], index) => ({
        // One service each.
        service: service(key.kind === 'address' && key.port > 0 ? { ...key, port: 1000 + index } : key, {
          persistence,
        }),
        destinations: [],
      })),
    )
    const persistent = service(MARK, { persistence: persistences[3]?.[1] ?? null })
    expect(await ipvs.service(MARK)).toMatchObject(persistent)
    await ipvs.edit([{ edit: 'edit-service', service: service(MARK) }])
    expect((await ipvs.service(MARK))?.persistence).toBeNull()
  })

  it('a persistence engine, and none again', async () => {
    const key: ServiceKey = { ...KEY, protocol: 'udp', port: 5060 }
    const persistence = { timeoutSeconds: 60, netmask: ip('255.255.255.255') }
    await make([{ service: service(key, { persistence, persistenceEngine: 'sip' }), destinations: [] }])
    await ipvs.edit([{ edit: 'edit-service', service: service(key, { persistence }) }])
    await expectTable([{ service: service(key, { persistence }), destinations: [] }])
  })

  it('one-packet scheduling', async () => {
    const udp: ServiceKey = { ...KEY, protocol: 'udp' }
    const udp6: ServiceKey = { ...KEY6, protocol: 'udp' }
    await make(
      [udp, udp6, MARK].map(key => ({ service: service(key, { onePacket: true }), destinations: [] })),
    )
  })

  const tunnels: Forwarding[] = [
    { method: 'tunnel', tunnel: { type: 'ipip' } },
    { method: 'tunnel', tunnel: { type: 'gue', port: 5555, checksum: 'none' } },
    { method: 'tunnel', tunnel: { type: 'gue', port: 6080, checksum: 'full' } },
    { method: 'tunnel', tunnel: { type: 'gue', port: 65_535, checksum: 'remote' } },
    { method: 'tunnel', tunnel: { type: 'gre', checksum: 'none' } },
    { method: 'tunnel', tunnel: { type: 'gre', checksum: 'full' } },
  ]
  it.each<[string, ServiceKey, (host: number) => string]>([
    ['IPv4', KEY, host => `10.10.10.${host}`],
    ['IPv6', KEY6, host => `2001:db8::${host}`],
    ['a firewall mark', MARK, host => `10.10.10.${host}`],
    ['a firewall mark of IPv6', MARK6, host => `2001:db8::${host}`],
  ])('every forwarding method, and a change from each to each: %s', async (_, key, address) => {
    const methods: Forwarding[] = [DIRECT, { method: 'masquerade' }, ...tunnels]
    const pool = (turn: number): Pool => ({
      service: service(key),
      destinations: methods.map((_, index) =>
        realServer(address(20 + index), {
          forwarding: methods[(index + turn) % methods.length] ?? DIRECT,
          weight: index + turn,
        }),
      ),
    })
    await make([pool(0)])
    for (const turn of methods.keys()) {
      const edits = pool(turn).destinations.map(destination => ({ key, destination }))
      await ipvs.edit(edits.map(each => ({ edit: 'edit-destination', ...each })))
      await expectTable([pool(turn)])
    }
  })

  it('a tunnel to a real server of the other family', async () => {
    await make([
      {
        service: service(KEY),
        destinations: tunnels.map((forwarding, i) => realServer(`2001:db8::${i + 20}`, { forwarding })),
      },
      {
        service: service(KEY6),
        destinations: tunnels.map((forwarding, i) => realServer(`10.10.10.${i + 20}`, { forwarding })),
      },
    ])
    await ipvs.edit([{ edit: 'delete-destination', key: KEY, destination: realServer('2001:db8::20') }])
    expect(await ipvs.destinations(KEY)).toHaveLength(tunnels.length - 1)
  })

  it('weights from none to the largest', async () => {
    await make([
      {
        service: service(KEY),
        destinations: [
          realServer('10.10.10.12', { weight: 0 }),
          realServer('10.10.10.13', { weight: 65_535 }),
        ],
      },
    ])
    await ipvs.edit([
      {
        edit: 'edit-destination',
        key: KEY,
        destination: realServer('10.10.10.12', { weight: 2_147_483_647 }),
      },
    ])
    expect((await ipvs.destinations(KEY)).map(({ weight }) => weight)).toEqual([65_535, 2_147_483_647])
  })

  it('thresholds, which ipvsadm tells but does not save', async () => {
    const limited = realServer('10.10.10.12', { upperThreshold: 2000, lowerThreshold: 1500 })
    await ipvs.edit([
      { edit: 'add-service', service: service(KEY) },
      { edit: 'add-destination', key: KEY, destination: limited },
    ])
    expect(await ipvs.destinations(KEY)).toMatchObject([limited])
    expect(words(await ipvsadm('-Ln', '--thresholds')).at(-1)).toBe('-> 10.10.10.12:80 2000 1500 0 0')
    const rules = ipvsadmRules(await ipvs.table())
    await ipvs.edit([{ edit: 'flush' }])
    await namespace.run('ipvsadm', ['-R'], { input: rules })
    expect(await ipvs.destinations(KEY)).toMatchObject([limited])
  })

  it('timeouts, one without the others', async () => {
    await ipvs.setTimeouts({ tcpSeconds: 1000, tcpFinSeconds: 100, udpSeconds: 10 })
    await ipvs.setTimeouts({ udpSeconds: 20 })
    expect(await ipvs.timeouts()).toEqual({ tcpSeconds: 1000, tcpFinSeconds: 100, udpSeconds: 20 })
    expect(await ipvsadm('-Ln', '--timeout')).toBe('Timeout (tcp tcpfin udp): 1000 100 20')
  })

  it('the version and the size of the connection table', async () => {
    const { version, connectionTableSize } = await ipvs.info()
    expect(await ipvsadm('-Ln')).toContain(`version ${version} (size=${connectionTableSize})`)
  })
})

describe('sync daemons', () => {
  const master: SyncDaemon = {
    role: 'master',
    interface: 'eth0',
    syncId: 5,
    maxLength: 1000,
    group: ip('239.1.2.3'),
    port: 9000,
    ttl: 3,
  }

  it('start with every setting, or the kernel’s own, and stop', async () => {
    await ipvs.startDaemon(master)
    await ipvs.startDaemon({ role: 'backup', interface: 'eth0', syncId: 0 })
    expect(await ipvs.daemons()).toEqual([
      master,
      expect.objectContaining({ role: 'backup', syncId: 0, group: '224.0.0.81', port: 8848, ttl: 1 }),
    ])
    expect(await ipvsadm('-Ln', '--daemon')).toContain(
      'master sync daemon (mcast=eth0, syncid=5, maxlen=1000, group=239.1.2.3, port=9000, ttl=3)',
    )
    await expect(ipvs.startDaemon(master)).rejects.toMatchObject({
      message: 'cannot start the master sync daemon on eth0: EEXIST',
      hint: expect.stringContaining('stop it first'),
    })
    for (const role of ['master', 'backup'] as const) await ipvs.stopDaemon(role)
    expect(await ipvs.daemons()).toEqual([])
  })

  it('send to an IPv6 group', async () => {
    const ipv6: SyncDaemon = { ...master, group: ip('ff02::51') }
    await ipvs.startDaemon(ipv6)
    expect(await ipvs.daemons()).toEqual([ipv6])
    await ipvs.stopDaemon('master')
  })

  it('stop before they have done anything', async () => {
    for (const role of ['master', 'backup'] as const) {
      await Promise.all([ipvs.startDaemon({ ...master, role }), ipvs.stopDaemon(role)])
      expect(await ipvs.daemons()).toEqual([])
    }
  })

  it('are refused with the reason', async () => {
    await expect(ipvs.startDaemon({ ...master, interface: 'eth7' })).rejects.toMatchObject({
      message: 'cannot start the master sync daemon on eth7: ENODEV',
      hint: expect.stringContaining('ip link'),
    })
    await expect(ipvs.stopDaemon('backup')).rejects.toMatchObject({
      message: 'cannot stop the backup sync daemon: ESRCH',
    })
    await expect(ipvs.startDaemon({ ...master, syncId: 256 })).rejects.toThrow(
      'its sync id must be from 0 to 255',
    )
  })
})

/** The whole table is these: for us, and for ipvsadm in both of its ways to print it. */
async function expectTable(pools: readonly Pool[]): Promise<void> {
  const found = await ipvs.table()
  expect(ipvsadmRules(found)).toBe(ipvsadmRules(pools))
  expect(found.map(settingsOf)).toEqual(expect.arrayContaining(pools.map(settingsOf)))
  expect(await ipvsadm('-Sn')).toBe(ipvsadmRules(pools).trimEnd())
  expect(
    words(await ipvsadm('-Ln'))
      .slice(3)
      .sort(),
  ).toEqual(pools.flatMap(listing).sort())
}

/** Makes it all, and has ipvsadm make it from the rules that we save. */
async function make(pools: readonly Pool[]): Promise<void> {
  await ipvs.edit([
    ...pools.map(({ service }) => ({ edit: 'add-service' as const, service })),
    ...pools.flatMap(({ service: { key }, destinations }) =>
      destinations.map(destination => ({ edit: 'add-destination' as const, key, destination })),
    ),
  ])
  await expectTable(pools)
  await ipvs.edit([{ edit: 'flush' }])
  expect(await ipvs.table()).toEqual([])
  await namespace.run('ipvsadm', ['-R'], { input: ipvsadmRules(pools) })
  await expectTable(pools)
}

/** Without counters, the destinations in the order of their addresses. */
function settingsOf({ service, destinations }: Pool | FoundPool): Pool {
  const { key, scheduler, schedulerFlags, onePacket, persistence, persistenceEngine } = service
  return {
    service: { key, scheduler, schedulerFlags, onePacket, persistence, persistenceEngine },
    destinations: destinations
      .map(({ address, port, forwarding, weight, upperThreshold, lowerThreshold }) => ({
        address,
        port,
        forwarding,
        weight,
        upperThreshold,
        lowerThreshold,
      }))
      .sort((left, right) => (left.address < right.address ? -1 : 1)),
  }
}

/** The lines of `ipvsadm -Ln` for the service and its real servers, with one blank between words. */
function listing({ service: { key, persistence, ...settings }, destinations }: Pool): string[] {
  const name =
    key.kind === 'address'
      ? `${key.protocol.toUpperCase()} ${serviceText(key).replace(/\/.*/, '')}`
      : `FWM ${key.mark}${key.family === 6 ? ' IPv6' : ''}`
  const mask = persistence === null || ['255.255.255.255', 128].includes(persistence.netmask)
  const persistent = persistence === null ? [] : [`persistent ${persistence.timeoutSeconds}`]
  const service = [
    name,
    settings.scheduler,
    ...persistent,
    ...(mask ? [] : [`mask ${persistence.netmask}`]),
    ...(settings.persistenceEngine === null ? [] : [`pe ${settings.persistenceEngine}`]),
    ...(settings.onePacket ? ['ops'] : []),
  ].join(' ')
  return [
    service,
    ...destinations.map(({ address, port, forwarding, weight }) => {
      const host = familyOf(address) === 6 ? `[${address}]` : address
      return `-> ${host}:${port} ${METHODS[forwarding.method]} ${weight} 0 0`
    }),
  ]
}

const METHODS: Record<Forwarding['method'], string> = {
  'direct-route': 'Route',
  masquerade: 'Masq',
  tunnel: 'Tunnel',
  local: 'Local',
  bypass: 'Bypass',
}

function words(text: string): string[] {
  return text
    .trim()
    .split('\n')
    .map(line => line.trim().replaceAll(/\s+/g, ' '))
}

/** Without the last line feed. */
function ipvsadm(...args: string[]): Promise<string> {
  return namespace.run('ipvsadm', args)
}

function isInThisKernel(module: string): boolean {
  try {
    execFileSync('modprobe', ['--dry-run', '--quiet', module])
    return true
  } catch {
    return false
  }
}
