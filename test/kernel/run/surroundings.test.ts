import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { PATIENT } from '../../support/agent-run.ts'
import { refusing } from '../../support/fault-injection.ts'
import { KeptHost, VIP } from '../../support/kept-host.ts'

/** What else is broken on this host. */
let kept: KeptHost
beforeEach(async () => {
  kept = await KeptHost.build()
})
afterEach(() => kept[Symbol.asyncDispose]())

const STATE = 'var/lib/rs-agent/state.json'
const JOURNAL = 'var/lib/rs-agent/journal.jsonl'

describe('a full disk', () => {
  /** A mount namespace of its own: nobody else sees the small disk. */
  const onSmallDisk = [
    'unshare',
    '--mount',
    'sh',
    '-ec',
    'for folder in var run; do mkdir -p "$ROOT/$folder"; mount -t tmpfs -o size=256k tmpfs "$ROOT/$folder"; done; exec "$@"',
    'sh',
  ]

  it('is no reason to leave a VIP unbound, or this host loud, and loses nothing of what is remembered', async () => {
    const run = await kept.start({ launcher: onSmallDisk, env: { ROOT: kept.agent.root } })
    const expected = await kept.snapshot()
    const pid = await smallDiskPid()
    const inside = (script: string) =>
      kept.host.run('nsenter', ['--mount', '--target', String(pid), 'sh', '-ec', script], {
        env: { ROOT: kept.agent.root },
      })
    const remembered = await inside(`cat "$ROOT/${STATE}"`)
    const fill = 'dd if=/dev/zero of="$ROOT/$folder/filler" bs=1k status=none 2>/dev/null || true'
    await inside(`for folder in var run; do ${fill}; done`)
    await kept.host.namespace.ip(`addr del ${VIP}/32 dev lo`)
    await run.says(/^10\.10\.10\.100\/32 on lo had gone: bound again/)
    await kept.host.namespace.writeSysctl('ipv4/conf/all/arp_ignore', 0)
    await run.says(/^net\/ipv4\/conf\/all\/arp_ignore had become 0/)
    await kept.host.namespace.ip('link set lo down', 'link set lo up')
    await kept.becomes(expected)
    // What has to be written down first waits, and is told: a NIC that was not there before.
    await kept.segment.plugIn(kept.host, 'eth1', '10.10.10.22/24')
    await run.says(/ENOSPC/)
    expect(await kept.vips()).toEqual([`lo ${VIP}/32`])
    await kept.staysSilent()
    expect(await inside(`cat "$ROOT/${STATE}"`)).toBe(remembered)
    await inside('rm "$ROOT/var/filler" "$ROOT/run/filler"')
    await expect.poll(() => kept.host.namespace.readSysctl('ipv4/conf/eth1/arp_ignore'), PATIENT).toBe('1')
    await expect.poll(() => inside(`cat "$ROOT/${STATE}"`), PATIENT).toContain('conf/eth1/arp_ignore')
    expect(await run.end('SIGTERM')).toBe(0)
  })

  /** Its report lies on the small disk: the kernel tells which process it is. */
  async function smallDiskPid(): Promise<number> {
    const found = readdirSync('/proc').filter(name => {
      try {
        return (
          readFileSync(`/proc/${name}/cmdline`, 'utf8').startsWith(`${process.execPath}\0`) &&
          readFileSync(`/proc/${name}/cmdline`, 'utf8').includes(kept.agent.root)
        )
      } catch {
        return false
      }
    })
    return Number(found[0])
  }
})

describe('a memory that was damaged', () => {
  it.each([
    ['a state that was cut off', STATE, '{ "format": 1, "vips": ["10.1'],
    ['an empty state', STATE, ''],
    ['a state of zeros', STATE, '\0'.repeat(512)],
    ['a journal that was cut off', JOURNAL, '{ "format": 1, "verb": "appl'],
    ['a journal of another version', JOURNAL, `{"format":99}\n`],
  ])('is set aside and told, and the VIP is bound and silent all the same: %s', async (_, path, content) => {
    const first = await kept.start()
    expect(await first.end('SIGKILL')).toBeUndefined()
    const file = join(kept.agent.root, path)
    writeFileSync(file, content)
    await kept.host.namespace.ip(`addr del ${VIP}/32 dev lo`)
    const storm = await kept.startStorm()
    const run = await kept.start()
    expect(run.warnings).toEqual([expect.stringMatching(/cannot use .*; it is kept as .*damaged/)])
    await kept.hasVips(`lo ${VIP}/32`)
    await run.reports({ nics: [{ name: 'eth0', silent: true }] })
    const folder = join(kept.agent.root, 'var/lib/rs-agent')
    const aside = readdirSync(folder).filter(name => name.includes('damaged'))
    expect(aside).toHaveLength(1)
    expect(readFileSync(join(folder, aside[0] ?? ''), 'utf8')).toBe(content)
    await kept.host.namespace.ip(`addr del ${VIP}/32 dev lo`)
    await run.says(/bound again/)
    await kept.expectSilence(storm)
    // The next one finds nothing wrong.
    await run.end('SIGTERM')
    const next = await kept.start()
    expect(next.warnings).toEqual([])
  })
})

describe('inotify', () => {
  it.each([
    ['instances', 'inotify_init1', 'EMFILE'],
    ['watches', 'inotify_add_watch', 'ENOSPC'],
  ])('that gives no %s makes a repair slower, and no worse', async (_, call, error) => {
    const run = await kept.start({ launcher: refusing(call, error) })
    const expected = await kept.snapshot()
    await kept.host.namespace.writeSysctl('ipv4/conf/all/arp_ignore', 0)
    await run.says(/^net\/ipv4\/conf\/all\/arp_ignore had become 0/)
    await kept.becomes(expected)
    expect(run.warnings).toContainEqual(expect.stringContaining('sysctls are looked at once a second'))
    await kept.host.namespace.ip(`addr del ${VIP}/32 dev lo`)
    await run.says(/bound again/)
    await kept.staysSilent()
    process.kill(await run.pid(), 'SIGTERM')
    expect(await run.ended()).toMatchObject({ exitCode: 0 })
  })
})

describe('a NIC whose other end dies', () => {
  it('takes nothing else with it, and is silenced when it comes back', async () => {
    const run = await kept.start()
    await kept.host.namespace.ip(`addr add 2001:db8::100/128 dev lo`)
    await kept.segment.plugIn(kept.host, 'eth1', '10.10.10.22/24')
    await run.reports({ nics: [{ name: 'eth0' }, { name: 'eth1', silent: true }] })
    // The whole segment, as one that a container manager takes away.
    await kept.segment.switch[Symbol.asyncDispose]()
    await run.reports({ nics: [] })
    expect(await kept.vips()).toContain(`lo ${VIP}/32`)
    await kept.host.namespace.ip(`addr del ${VIP}/32 dev lo`)
    await run.says(/bound again/)
    await kept.host.namespace.ip(
      'link add eth0 type veth peer name other0',
      'addr add 10.10.10.12/24 dev eth0',
      'link set eth0 up',
      'link set other0 up',
    )
    await run.reports({
      nics: expect.arrayContaining([expect.objectContaining({ name: 'eth0', silent: true })]),
    })
    const values = ['arp_ignore', 'arp_announce'].map(name =>
      kept.host.namespace.readSysctl(`ipv4/conf/eth0/${name}`),
    )
    expect(await Promise.all(values)).toEqual(['1', '2'])
  })
})
