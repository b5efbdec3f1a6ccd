import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { filesBelow } from '../../agent/host/files.ts'
import { findTraces } from '../../agent/init/find-traces.ts'

/** Each as guides and tools have it, and what is to be read from it: line, kind, and the VIP. */
const FILES: Record<string, { text: string; traces: string[] }> = {
  'etc/rc.local': {
    text: `#!/bin/sh
# ip addr add 10.0.0.9/32 dev lo: a comment
VIP=10.10.10.100
/sbin/ifconfig lo:0 $VIP netmask 255.255.255.255 broadcast $VIP up
/sbin/route add -host \${VIP} dev lo:0
ip -4 addr add 10.10.10.101/32 dev lo label lo:1 && ip route replace 10.10.10.101 dev lo
ip a add dev lo 10.10.10.102/32
echo "1" >/proc/sys/net/ipv4/conf/all/arp_ignore; echo 2 > /proc/sys/net/ipv4/conf/all/arp_announce
sysctl -w net.ipv4.conf.lo.arp_ignore=0
ip addr add 127.0.0.2/8 dev lo
ip addr add 10.10.10.55/24 dev eth0
ifconfig lo:0 down
exit 0
`,
    traces: [
      '4 binds-vip 10.10.10.100',
      '5 routes-vip 10.10.10.100',
      '6 binds-vip 10.10.10.101',
      '6 routes-vip 10.10.10.101',
      '7 binds-vip 10.10.10.102',
      '8 silences',
      '8 silences',
      '9 makes-loud',
    ],
  },
  'usr/local/sbin/lvs-real': {
    text: 'VIP=$1\nSITE="2001:db8::100"\nip -6 addr add "$SITE/128" dev lo\nip addr add $VIP/32 dev lo\n',
    traces: ['3 binds-vip 2001:db8::100'],
  },
  'etc/systemd/system/vip.service': {
    text: '[Service]\nExecStart=/sbin/ip addr add 10.10.10.104/32 dev lo\n',
    traces: ['2 binds-vip 10.10.10.104'],
  },
  'etc/sysctl.conf': {
    text: '# net.ipv4.conf.all.arp_ignore = 1\nnet.ipv4.conf.all.arp_ignore = 1\nnet.ipv4.conf.all.arp_announce=0\n',
    traces: ['2 silences', '3 makes-loud'],
  },
  'etc/sysctl.d/lvs.conf': {
    text: '-net/ipv4/conf/eth0/arp_announce = 2\nnet.ipv4.ip_forward = 1\n',
    traces: ['1 silences'],
  },
  'etc/network/interfaces': {
    text: `auto lo
iface lo inet loopback
    post-up ip addr add 10.10.10.105/32 dev $IFACE
iface lo:0 inet static
    address 10.10.10.106
    netmask 255.255.255.255
iface eth0 inet static
    address 10.10.10.20/24
    up echo 1 > /proc/sys/net/ipv4/conf/all/arp_ignore
`,
    traces: ['3 binds-vip 10.10.10.105', '5 binds-vip 10.10.10.106', '9 silences'],
  },
  'etc/sysconfig/network-scripts/ifcfg-lo:0': {
    text: 'DEVICE=lo:0\nIPADDR=10.10.10.107\nNETMASK=255.255.255.255\nONBOOT=yes\n',
    traces: ['2 binds-vip 10.10.10.107'],
  },
  'etc/sysconfig/network/ifcfg-lo': {
    text: "IPADDR='127.0.0.1/8'\nIPADDR_0='10.10.10.108/32'\n",
    traces: ['2 binds-vip 10.10.10.108'],
  },
  'etc/systemd/network/lo.network': {
    text: '[Match]\nName=lo\n[Network]\nAddress=10.10.10.109/32\n',
    traces: ['4 binds-vip 10.10.10.109'],
  },
  'etc/systemd/network/eth0.network': {
    text: '[Match]\nName=eth0\n[Network]\nAddress=10.10.10.20/24\n',
    traces: [],
  },
  'etc/NetworkManager/system-connections/lo.nmconnection': {
    text: '[connection]\ninterface-name=lo\n[ipv4]\naddress1=10.10.10.110/32\n',
    traces: ['4 binds-vip 10.10.10.110'],
  },
  'etc/netplan/50-lo.yaml': {
    text: `network:
  ethernets:
    lo:
      addresses:
        - 10.10.10.111/32
        - "2001:db8::111/128": { label: x }
    eth0: { addresses: [10.10.10.20/24] }
`,
    traces: ['5 binds-vip 10.10.10.111', '6 binds-vip 2001:db8::111'],
  },
  'etc/netplan/broken.yaml': { text: 'network: [', traces: [] },
  'etc/keepalived/keepalived.conf': {
    text: 'global_defs {\n}\nvirtual_server 10.10.10.100 80 {\n}\n',
    traces: ['3 drives-ipvs keepalived'],
  },
  'etc/ha.d/ldirectord.cf': {
    text: 'checktimeout=3\nvirtual=10.10.10.100:80\n',
    traces: ['2 drives-ipvs ldirectord'],
  },
}

describe('the lines of a hand-made set-up', () => {
  it.each(Object.entries(FILES))('are read in %s', (path, { text, traces }) => {
    const { traces: found } = findTraces({
      list: folder => (path.startsWith(`${folder}/`) ? [path.slice(folder.length + 1)] : []),
      readText: each => (each === path ? text : null),
      identity: each => each,
    })
    expect(
      found.map(({ line, means }) =>
        [line, means.kind, 'vip' in means ? means.vip : 'tool' in means ? means.tool : '']
          .filter(part => part !== '')
          .join(' '),
      ),
    ).toEqual(traces)
  })

  it('are told once where one file is a link to the other, and of each of two that are alike', () => {
    const root = mkdtempSync(join(tmpdir(), 'rs-agent-traces-'))
    onTestFinished(() => rmSync(root, { recursive: true }))
    for (const folder of ['etc/sysctl.d', 'etc/NetworkManager/dispatcher.d'])
      mkdirSync(join(root, folder), { recursive: true })
    writeFileSync(join(root, 'etc/sysctl.conf'), 'net.ipv4.conf.all.arp_ignore = 1\n')
    symlinkSync('../sysctl.conf', join(root, 'etc/sysctl.d/99-sysctl.conf'))
    for (const path of ['etc/rc.local', 'etc/NetworkManager/dispatcher.d/50-vip'])
      writeFileSync(join(root, path), '#!/bin/sh\nip addr add 10.10.10.100/32 dev lo\n')
    const { traces: found, unread } = findTraces(filesBelow(root))
    expect(unread).toEqual([])
    expect(found.map(({ path }) => path).sort()).toEqual([
      'etc/NetworkManager/dispatcher.d/50-vip',
      'etc/rc.local',
      'etc/sysctl.conf',
    ])
  })

  it('are not passed over in silence where they cannot be read', () => {
    const places = { 'etc/rc.local': null, 'etc/sysctl.conf': '\0', 'etc/netplan/50.yaml': 'refused' }
    const { traces: found, unread } = findTraces({
      list: folder => (folder === 'etc/netplan' ? ['50.yaml'] : []),
      identity: path => (path in places ? path : null),
      readText(path) {
        if (path === 'etc/netplan/50.yaml') throw new Error('EACCES: permission denied')
        return places[path as keyof typeof places]
      },
    })
    expect(found).toEqual([])
    expect(unread).toEqual([
      '/etc/rc.local: it is no text of up to 256 KiB',
      '/etc/sysctl.conf: it is no text of up to 256 KiB',
      '/etc/netplan/50.yaml: EACCES: permission denied',
    ])
  })
})
