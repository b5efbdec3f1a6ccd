import { describe, expect, it } from 'vitest'
import { bootAssignments, filesInOrder } from '../../agent/realserver/verify/boot-sysctl.ts'

const file = (path: string, ...lines: string[]) => ({ path, content: `${lines.join('\n')}\n` })
const KEY = 'net/ipv4/conf/eth0.100/arp_ignore'

describe('filesInOrder', () => {
  it('goes by name, lets /etc hide /usr/lib, and reads sysctl.conf last', () => {
    const files = [
      file('etc/sysctl.conf'),
      file('usr/lib/sysctl.d/50-default.conf'),
      file('usr/lib/sysctl.d/90-rs-agent.conf'),
      file('etc/sysctl.d/90-rs-agent.conf'),
      file('etc/sysctl.d/README'),
      file('run/sysctl.d/10-early.conf'),
    ]
    expect(filesInOrder(files).map(({ path }) => path)).toEqual([
      'run/sysctl.d/10-early.conf',
      'usr/lib/sysctl.d/50-default.conf',
      'etc/sysctl.d/90-rs-agent.conf',
      'etc/sysctl.conf',
    ])
  })
})

describe('bootAssignments', () => {
  it('takes the last assignment, and says where it stands', () => {
    const files = [
      file('etc/sysctl.d/90-a.conf', '# comment', `${KEY} = 1`),
      file('etc/sysctl.d/99-b.conf', '', '; also a comment', `-${KEY}=0`),
    ]
    expect(bootAssignments(files)(KEY)).toEqual({ value: '0', where: 'etc/sysctl.d/99-b.conf:3' })
  })

  it('reads dots as separators unless a slash comes first', () => {
    const atBoot = bootAssignments([
      file('etc/sysctl.conf', 'net.ipv4.conf.eth0/100.arp_ignore = 2', 'net.ipv4.conf.eth1.arp_ignore=1'),
    ])
    expect(atBoot(KEY)?.value).toBe('2')
    expect(atBoot('net/ipv4/conf/eth1/arp_ignore')?.value).toBe('1')
    expect(atBoot('net/ipv4/conf/eth0/100/arp_ignore')).toBeNull()
  })

  it('prefers an exact assignment to a later pattern', () => {
    const files = [
      file('etc/sysctl.d/90-a.conf', `${KEY} = 1`),
      file('etc/sysctl.d/99-b.conf', 'net.ipv4.conf.*.arp_ignore = 0'),
    ]
    expect(bootAssignments(files)(KEY)?.value).toBe('1')
    expect(bootAssignments(files)('net/ipv4/conf/eth1/arp_ignore')?.value).toBe('0')
  })

  it('lets a line without a value take a key out of a pattern', () => {
    const files = [
      file('etc/sysctl.d/10-a.conf', 'net.ipv4.conf.*.arp_ignore = 0', '-net.ipv4.conf.eth1.arp_ignore'),
    ]
    expect(bootAssignments(files)('net/ipv4/conf/eth1/arp_ignore')).toBeNull()
    expect(bootAssignments(files)('net/ipv4/conf/eth2/arp_ignore')?.value).toBe('0')
  })

  it('is not thrown off by rubbish', () => {
    const files = [
      file('etc/sysctl.conf', '=', '= 1', 'a', '-', 'net.[.x = 1', '\u0000\u0001', `${KEY} = 1\r`),
    ]
    expect(bootAssignments(files)(KEY)?.value).toBe('1')
  })
})
