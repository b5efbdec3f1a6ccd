import { chmodSync, existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { loadConfig } from '../../agent/config/load.ts'
import type { InterfaceAddress, Link } from '../../agent/model/network.ts'
import { wantedRealServer } from '../../agent/realserver/desired.ts'
import { planRealServer } from '../../agent/realserver/plan.ts'
import { type FoundHost, lookupIn } from '../../agent/reconcile/found.ts'
import { keyOf, type Setting } from '../../agent/reconcile/setting.ts'
import { NOTHING_MANAGED, type State } from '../../agent/reconcile/state.ts'
import type { Step } from '../../agent/reconcile/step.ts'
import { undo } from '../../agent/reconcile/undo.ts'
import { reportChange } from '../../agent/report/change.ts'

/**
 * test/cases/NAME/: config.yaml, found.yaml (the host; short forms below), and state.json where the host
 * was applied before. expected.txt holds the plan, its undo, or the refusal, as a person reads them.
 */
const CASES = join(import.meta.dirname, '../cases')

describe('every case', () => {
  for (const name of readdirSync(CASES))
    it(`plans ${name} as expected`, async () => {
      const folder = join(CASES, name)
      await expect(describePlan(folder)).toMatchFileSnapshot(join(folder, 'expected.txt'))
    })
})

function describePlan(folder: string): string {
  const file = join(folder, 'config.yaml')
  // A clone made under a wide umask would be refused, rightly.
  chmodSync(file, 0o644)
  chmodSync(folder, 0o755)
  const wanted = wantedRealServer(loadConfig(file))
  const found = readFound(join(folder, 'found.yaml'))
  const statePath = join(folder, 'state.json')
  const state: State = existsSync(statePath)
    ? { ...NOTHING_MANAGED, ...JSON.parse(readFileSync(statePath, 'utf8')) }
    : NOTHING_MANAGED
  const { steps, refusals } = planRealServer(wanted, found, state, NOTHING_MANAGED)
  if (refusals.length > 0)
    return `refused:\n${refusals.map(({ path, why, hint }) => `  ${path.join('.')}: ${why}\n    -> ${hint}\n`).join('')}`
  return `plan:\n${lines(steps)}undo:\n${lines(undo(steps, valuesAfter(steps, found)))}`
}

function lines(steps: Step[]): string {
  return steps
    .map(step => {
      const { id, action, subject, before, after } = reportChange(step)
      return `  ${step.phase.padEnd(8)} ${id} ${action} ${subject}: ${shown(before)} => ${shown(after)}\n`
    })
    .join('')
}

/** A file's text would hide the plan: its settings say it all. */
function shown(value: string | null): string {
  if (value === null) return 'nothing'
  return value.includes('\n')
    ? `[${value
        .split('\n')
        .filter(line => /^-/.test(line))
        .join(', ')}]`
    : value
}

function valuesAfter(steps: Step[], found: FoundHost) {
  const after = new Map<string, Setting['value']>(steps.map(({ change }) => [keyOf(change), change.after]))
  const before = lookupIn(found)
  return (setting: Parameters<typeof before>[0]) =>
    after.has(keyOf(setting)) ? (after.get(keyOf(setting)) ?? null) : before(setting)
}

interface ShortFound {
  /** `eth0`, or `eth1: { master: br0, kind: vlan, arp: false }`. */
  links: Record<string, { master?: string; kind?: string; arp?: boolean; up?: boolean } | null>
  /** `eth0 10.10.10.12/24`, with `secondary` or `label=lo:0` behind it. */
  addresses: string[]
  /** `10.10.10.100 dev eth0 proto 3`. */
  routes?: string[]
  /** `all/arp_ignore: 1`; those not named are 0. */
  sysctls?: Record<string, number>
  files?: Record<string, string>
}

function readFound(path: string): FoundHost {
  const short: ShortFound = parse(readFileSync(path, 'utf8'))
  const names = ['lo', ...Object.keys(short.links).filter(name => name !== 'lo')]
  const links = names.map((name, index): Link => {
    const { master, kind, arp = name !== 'lo', up = true } = short.links[name] ?? {}
    return {
      index: index + 1,
      name,
      mac: '',
      up,
      carrier: up,
      loopback: name === 'lo',
      arp,
      ...(kind === undefined ? {} : { kind }),
      ...(master === undefined ? {} : { master: names.indexOf(master) + 1 }),
    }
  })
  const sysctls: FoundHost['sysctls'] = { 'net/ipv6/conf/lo/disable_ipv6': '0' }
  for (const scope of ['all', 'default', ...names])
    for (const name of ['arp_ignore', 'arp_announce', 'promote_secondaries'])
      sysctls[`net/ipv4/conf/${scope}/${name}`] = String(short.sysctls?.[`${scope}/${name}`] ?? 0)
  return {
    links,
    addresses: short.addresses.map(readAddress),
    routes: (short.routes ?? []).map(text => {
      const [destination, , link, , protocol] = text.split(' ')
      const isIpv4 = destination?.includes('.') === true
      const place = { destination, prefixLength: isIpv4 ? 32 : 128, metric: isIpv4 ? 0 : 1024 }
      return {
        ...place,
        link,
        protocol: Number(protocol),
        scope: 253,
        type: 1,
      } as FoundHost['routes'][number]
    }),
    sysctls,
    files: Object.fromEntries(
      Object.entries(short.files ?? {}).map(([file, content]) => [
        file,
        { content, mode: 0o644, uid: 0, gid: 0 },
      ]),
    ),
  }
}

function readAddress(text: string): InterfaceAddress {
  const [link = '', prefix = '', ...rest] = text.split(' ')
  const [address, prefixLength] = prefix.split('/')
  const label = rest.find(word => word.startsWith('label='))?.slice('label='.length)
  return {
    link,
    address: address as InterfaceAddress['address'],
    prefixLength: Number(prefixLength),
    scope: 0,
    flags: 0,
    secondary: rest.includes('secondary'),
    ...(label === undefined ? {} : { label }),
  }
}
