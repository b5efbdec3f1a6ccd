import { describe, expect, it } from 'vitest'
import type { IpAddress } from '../../agent/model/address.ts'
import {
  type Domain,
  mentionIn,
  rankOf,
  scriptOf,
  toolOf,
} from '../../agent/realserver/keep/usual-suspects.ts'
import type { Change } from '../../agent/reconcile/setting.ts'

const process = (name: string, ...command: string[]) => ({ pid: 7, name, command })

describe('the tool that a process is', () => {
  it.for<[string, Domain, string | null, string, ...string[]]>([
    ['a daemon', 'network', 'NetworkManager', 'NetworkManager', '/usr/sbin/NetworkManager', '--no-daemon'],
    [
      'a name that the kernel has cut',
      'network',
      'systemd-networkd',
      'systemd-network',
      '/lib/systemd/systemd-networkd',
    ],
    [
      'a script by its interpreter',
      'sysctl',
      'salt-minion',
      'python3',
      '/usr/bin/python3',
      '/usr/bin/salt-minion',
    ],
    [
      'a script with options',
      'sysctl',
      'tuned',
      'python3',
      '/usr/bin/python3',
      '-Es',
      '/usr/sbin/tuned',
      '-l',
    ],
    ['one that writes over its command', 'file', 'puppet', 'ruby', 'puppet agent: applying configuration'],
    ['a file that somebody edits', 'network', null, 'vim', 'vim', '/etc/NetworkManager/NetworkManager.conf'],
    ['one that touches something else', 'sysctl', null, 'dhclient', 'dhclient', 'eth0'],
    ['anybody', 'network', null, 'bash', '-bash'],
  ])('%s', ([, domain, expected, name, ...command]) => {
    expect(toolOf(process(name, ...command), domain)).toBe(expected)
  })

  it('is the likelier, the more it is there for this', () => {
    expect(rankOf('NetworkManager', 'network')).toBeLessThan(rankOf('dockerd', 'network'))
    expect(rankOf('dockerd', 'network')).toBeLessThan(rankOf('puppet', 'network'))
  })
})

it.for([
  [['sh', '/opt/fix.sh', 'x'], { file: '/opt/fix.sh' }],
  [['/bin/bash', '-eu', 'fix.sh'], { file: 'fix.sh' }],
  [['bash', '-ec', 'sysctl -p'], { text: 'sysctl -p' }],
  [['bash', '-e', '-c', 'sysctl -p'], { text: 'sysctl -p' }],
  [['sh', 'fix.sh', '-c', 'x'], { file: 'fix.sh' }],
  [['perl', '-we', 'print'], { text: 'print' }],
  [['-bash'], null],
  [['bash', '-i'], null],
  [['sleep', '5'], null],
] as const)('takes %j for the script %j', ([command, expected]) => {
  expect(scriptOf(process('x', ...command))).toEqual(expected)
})

const sysctl: Change = {
  kind: 'sysctl',
  id: { path: 'net/ipv4/conf/all/arp_ignore' },
  before: '0',
  after: '1',
}
const address: Change = {
  kind: 'address',
  id: { link: 'lo', address: '10.10.10.100' as IpAddress, prefixLength: 32 },
  before: null,
  after: null,
}
const file: Change = {
  kind: 'file',
  id: { path: 'etc/sysctl.d/90-rs-agent.conf' },
  before: null,
  after: null,
}

it.for<[string, Change, string | null]>([
  ['echo 0 > /proc/sys/net/ipv4/conf/all/arp_ignore', sysctl, 'arp_ignore'],
  ['while sleep 1; do sysctl -q --system; done', sysctl, 'sysctl'],
  ['echo arp', sysctl, null],
  ['ip addr del 10.10.10.100/32 dev lo', address, '10.10.10.100'],
  ['ip -4 addr flush dev lo', address, 'ip -4 addr'],
  ['ping 10.10.10.10; ping 110.10.10.100; ping 10.10.10.100.example', address, null],
  ['ip link show', address, null],
  ['rm /etc/sysctl.d/90-rs-agent.conf', file, 'etc/sysctl.d/90-rs-agent.conf'],
  ['rm /etc/sysctl.d/90-rs-agent.conf.old', file, null],
])('finds in `%s` what concerns %j: %s', ([text, change, expected]) => {
  expect(mentionIn(text, change)).toBe(expected)
})
