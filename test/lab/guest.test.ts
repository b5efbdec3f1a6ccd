import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { execa } from 'execa'
import { describe, expect, test, vi } from 'vitest'
import { firstLine } from '../support/first-line.ts'
import { bootGuest } from './guest.ts'
import { KERNELS_UNDER_TEST } from './kernel.ts'

// Seconds, where nothing else runs; a guest has its own limits.
vi.setConfig({ testTimeout: 600_000 })

describe.each(KERNELS_UNDER_TEST)('a guest of the %s kernel', kernel => {
  test('has what tests need, and tells of its own death', async () => {
    await using guest = await bootGuest({ kernel })
    const run = (script: string, env?: Record<string, string>) =>
      guest.run('sh', ['-ec', script], env ? { env } : {})

    expect(await run('uname -r')).toEqual({ exitCode: 0, stdout: `${guest.kernel.release}\n`, stderr: '' })
    expect(await run('echo "$WORDS" >&2; exit 3', { WORDS: "it's two  words" })).toEqual({
      exitCode: 3,
      stdout: '',
      stderr: "it's two  words\n",
    })
    for (const script of FEATURES) expect({ script, ...(await run(script)) }).toMatchObject({ exitCode: 0 })
    const inMemory = `${guest.exchange.outside}-written-in-the-guest`
    expect(await run(`touch ${inMemory}; ls ${inMemory}`)).toMatchObject({ exitCode: 0 })
    expect(existsSync(inMemory)).toBe(false)

    await expect(run('echo c >/proc/sysrq-trigger')).rejects.toThrow('Kernel panic - not syncing: sysrq')
    await expect(run('true')).rejects.toThrow('ended (exit code 0)')
  })
})

test('leaves no process and no file behind when its owner is killed -9', async () => {
  const owner = execa(process.execPath, ['--input-type=module', '-e', OWNER], { reject: false })
  const exchange = await firstLine(owner)
  expect(existsSync(exchange)).toBe(true)
  expect(emulatorsOf(exchange)).not.toHaveLength(0)

  owner.kill('SIGKILL')
  await owner

  await expect.poll(() => emulatorsOf(exchange), { timeout: 10_000 }).toHaveLength(0)
  await expect.poll(() => existsSync(exchange), { timeout: 10_000 }).toBe(false)
})

// As root of a network namespace: what is loaded when it is first used must be loaded from there too.
const inNamespace = (commands: string) => `unshare --net sh -ec '${commands}'`
const FEATURES = [
  ...['dummy', 'bond', 'bridge', 'veth'].map(type => inNamespace(`ip link add nic0 type ${type}`)),
  inNamespace('ip link add nic0 type vrf table 10'),
  ...['type vlan id 100', 'type macvlan mode bridge', 'type ipvlan'].map(type =>
    inNamespace(`ip link add nic0 type dummy; ip link add link nic0 name nic1 ${type}`),
  ),
  inNamespace('ip tuntap add nic0 mode tap'),
  inNamespace(
    'ip link add nic0 type dummy; tc qdisc add dev nic0 clsact;' +
      'tc filter add dev nic0 ingress protocol all matchall action mirred ingress redirect dev lo;' +
      'tc filter add dev nic0 egress protocol all u32 match u32 0 0 action mirred ingress redirect dev lo',
  ),
  inNamespace('ip link set lo up; ip -6 addr add 2001:db8::1/128 dev lo'),
  'modprobe -a nf_tables arp_tables ip_vs ip_vs_rr ip_vs_wrr ip_vs_lc ip_vs_wlc ip_vs_sh ip_vs_mh nfsv4 nfsd',
  'test -e /proc/net/ip_vs && test -c /dev/net/tun',
]

const OWNER = `
  import { bootGuest } from '${new URL('./guest.ts', import.meta.url)}'
  const guest = await bootGuest({ kernel: 'newest' })
  console.log(guest.exchange.outside)
`

function emulatorsOf(exchange: string): string[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .filter(pid => {
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
        return words.includes('qemu') && words.includes(exchange)
      } catch {
        // It ended meanwhile.
        return false
      }
    })
}
