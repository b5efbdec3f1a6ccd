import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Host } from '../support/host.ts'
import { Segment } from '../support/segment.ts'
import { SpokenProcess } from './spoken-process.ts'
import type { WatchCall, WatchTold, WatchUsage } from './sysctl-watch-process.ts'

const NAMES = ['arp_ignore', 'arp_announce', 'rp_filter']
const NICS = ['all', 'default', 'eth0']
const PATHS = NICS.flatMap(nic => NAMES.map(name => pathOf(nic, name)))
const IGNORE = pathOf('eth0', 'arp_ignore')
/** What no event tells of is found once a second. */
const PATIENCE = { timeout: 10_000, interval: 10 }

type Watch = SpokenProcess<WatchCall, WatchTold>

let segment: Segment
let host: Host
beforeEach(async () => {
  segment = await Segment.build()
  host = await segment.addHost('rs', '10.10.10.12/24')
})
afterEach(() => segment[Symbol.asyncDispose]())

describe('tells of a value that was written', () => {
  let watch: Watch
  beforeEach(async () => {
    watch = startWatch()
    await watch.ask({ call: 'follow', paths: PATHS })
  })

  const writers: [by: string, command: string][] = [
    ['by sysctl', 'sysctl -qw net.ipv4.conf.eth0.arp_ignore=1'],
    ['by a shell', `echo 1 > /proc/sys/${IGNORE}`],
    ['by tee', `echo 1 | tee /proc/sys/${IGNORE}`],
    // A mount of its own, as a container has it: inotify tells of the inode in one of the two.
    ['through another mount of procfs', elsewhere(`echo 1 > /proc/sys/${IGNORE}`)],
  ]
  it.for(writers)('%s', async ([, command]) => {
    await sh(command)
    await vi.waitFor(() => expect(watch.told).toEqual([told(IGNORE, '1')]), PATIENCE)
    await sh(command)
    await sh(`echo 2 > /proc/sys/${pathOf('all', 'arp_announce')}`)
    await vi.waitFor(
      () => expect(watch.told).toEqual([told(IGNORE, '1'), told(pathOf('all', 'arp_announce'), '2')]),
      PATIENCE,
    )
    expect(await watch.ask({ call: 'read', path: IGNORE })).toBe('1')
  })

  it('for every NIC, through that of conf/all', async () => {
    const paths = ['all', 'eth0'].map(nic => pathOf(nic, 'forwarding'))
    await watch.ask({ call: 'follow', paths })
    await sh(`echo 1 > /proc/sys/${paths[0]}`)
    await vi.waitFor(() => expect(watch.told).toEqual(paths.map(path => told(path, '1'))), PATIENCE)
  })

  it('again and again, each time once', async () => {
    for (const value of ['1', '0', '2', '1']) {
      await sh(`echo ${value} > /proc/sys/${IGNORE}`)
      await vi.waitFor(() => expect(watch.told.at(-1)).toEqual(told(IGNORE, value)), PATIENCE)
    }
    expect(watch.told).toHaveLength(4)
  })
})

describe('a NIC', () => {
  it('that goes away is quietly let go of, and followed again when it is back', async () => {
    await segment.plugIn(host, 'eth1')
    const path = pathOf('eth1', 'arp_ignore')
    const watch = startWatch()
    await watch.ask({ call: 'follow', paths: [path] })
    await host.namespace.ip('link del eth1')
    expect(await watch.ask({ call: 'read', path })).toBeNull()
    await segment.plugIn(host, 'eth1')
    await watch.ask({ call: 'follow', paths: [path] })
    await sh(`echo 1 > /proc/sys/${path}`)
    await vi.waitFor(() => expect(watch.told).toEqual([told(path, '1')]), PATIENCE)
  })

  it('that is renamed is followed by its new name', async () => {
    const watch = startWatch()
    await watch.ask({ call: 'follow', paths: PATHS })
    const { descriptors } = await watch.ask<WatchUsage>({ call: 'usage' })
    await host.namespace.ip('link set eth0 down', 'link set eth0 name wan0.7')
    // All of its old files are let go of.
    await vi.waitFor(async () => {
      const usage = await watch.ask<WatchUsage>({ call: 'usage' })
      expect(usage.descriptors).toBe(descriptors - NAMES.length)
    }, PATIENCE)
    const path = pathOf('wan0.7', 'arp_ignore')
    await watch.ask({ call: 'follow', paths: [path] })
    await sh(`echo 1 > /proc/sys/${path}`)
    await vi.waitFor(() => expect(watch.told).toEqual([told(path, '1')]), PATIENCE)
  })

  it('that is not there, and a parameter that the kernel does not have, are left out', async () => {
    const watch = startWatch()
    const paths = [pathOf('eth7', 'arp_ignore'), pathOf('eth0', 'no_such_thing')]
    await watch.ask({ call: 'follow', paths: [...paths, IGNORE] })
    expect(await watch.ask({ call: 'read', path: paths[0] ?? '' })).toBeNull()
    await sh(`echo 1 > /proc/sys/${IGNORE}`)
    await vi.waitFor(() => expect(watch.told).toEqual([told(IGNORE, '1')]), PATIENCE)
  })
})

describe('without inotify', () => {
  /** Its limits are those of the user namespace as well, so that the machine keeps its own. */
  const limits: [what: string, limit: string, code: string][] = [
    ['instances', 'max_inotify_instances', 'EMFILE'],
    ['watches', 'max_inotify_watches', 'ENOSPC'],
  ]
  it.for(limits)('for want of %s it looks by itself, and says so once', async ([, limit, code]) => {
    const script = `echo 0 > /proc/sys/user/${limit}; exec "$@"`
    const watch = startWatch(['unshare', '--user', '--map-root-user', 'sh', '-euc', script, 'sh'])
    await watch.ask({ call: 'follow', paths: PATHS })
    await watch.ask({ call: 'follow', paths: PATHS })
    await sh(`echo 1 > /proc/sys/${IGNORE}`)
    await vi.waitFor(() => expect(watch.told).toContainEqual(told(IGNORE, '1')), PATIENCE)
    const blind = { kind: 'blind', why: expect.stringContaining(code) }
    expect(watch.told).toEqual([blind, told(IGNORE, '1')])
  })

  it('for want of descriptors it says so, and goes on when there are some', async () => {
    const watch = startWatch(['prlimit', '--nofile=64'])
    await watch.ask({ call: 'takeDescriptors', leave: 2 })
    await watch.ask({ call: 'follow', paths: PATHS })
    await watch.ask({ call: 'takeDescriptors', leave: null })
    const last = PATHS.at(-1) ?? ''
    // What could not be read at first may have changed since.
    await vi.waitFor(() => expect(watch.told).toContainEqual(told(last, '0')), PATIENCE)
    await sh(`echo 1 > /proc/sys/${last}`)
    await vi.waitFor(() => expect(watch.told).toContainEqual(told(last, '1')), PATIENCE)
    const blind = watch.told.filter(({ kind }) => kind === 'blind')
    expect(blind).toEqual([{ kind: 'blind', why: expect.stringContaining('EMFILE') }])
  })
})

it('keeps no descriptor and no memory of what it followed before', async () => {
  const watch = startWatch()
  const usage = () => watch.ask<WatchUsage>({ call: 'usage' })
  await watch.ask({ call: 'follow', paths: PATHS, times: 200 })
  const before = await usage()
  await watch.ask({ call: 'follow', paths: PATHS, times: 2000 })
  const after = await usage()
  expect(after.descriptors).toBe(before.descriptors)
  expect(after.heapBytes - before.heapBytes).toBeLessThan(1024 * 1024)
})

it('lets the process end once it is closed, and tells nothing more', async () => {
  const watch = startWatch()
  await watch.ask({ call: 'follow', paths: PATHS })
  await watch.ask({ call: 'close' })
  await sh(`echo 1 > /proc/sys/${IGNORE}`)
  expect(await watch.ask({ call: 'read', path: IGNORE })).toBeNull()
  expect(await watch.end()).toMatchObject({ exitCode: 0, stderr: '' })
  expect(watch.told).toEqual([])
})

function startWatch(launcher: readonly string[] = []): Watch {
  return new SpokenProcess(host, './sysctl-watch-process.ts', launcher)
}

function sh(script: string): Promise<string> {
  return host.run('sh', ['-euc', script])
}

function elsewhere(script: string): string {
  return `unshare --mount --pid --fork --mount-proc sh -euc '${script}'`
}

function pathOf(nic: string, name: string): string {
  return `net/ipv4/conf/${nic}/${name}`
}

function told(path: string, value: string): object {
  return { kind: 'changed', path, value, atMs: expect.any(Number) }
}
