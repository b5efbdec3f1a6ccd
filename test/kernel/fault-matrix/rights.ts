import type { Row } from '../../support/fault-row.ts'
import { ip } from '../../support/faults.ts'
import { IPV4 } from '../../support/neighbourhood.ts'

const { gateway } = IPV4

function without(...capabilities: string[]): Pick<Row, 'launcher'> {
  return { launcher: ['setpriv', `--bounding-set=${capabilities.map(name => `-${name}`).join(',')}`, '--'] }
}

/** As in a container. */
const inOwnMounts = ['unshare', '--mount', 'sh', '-c']
const remount = 'mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys && exec "$@"'

/** With less than a root process has. The host itself is healthy. */
export const rightsRows: Row[] = [
  {
    name: 'without CAP_NET_RAW',
    ...without('net_raw'),
    verify: {
      unknown: {
        'arp-silence': /EPERM|CAP_NET_RAW/,
        'vip-owner': /EPERM|CAP_NET_RAW/,
        datapath: /EPERM|CAP_NET_RAW/,
      },
    },
  },
  {
    name: 'without CAP_NET_ADMIN',
    ...without('net_admin'),
    verify: { unknown: { 'arp-announce': /EPERM|CAP_NET_ADMIN/ } },
  },
  {
    name: 'without CAP_NET_ADMIN, and the gateway is not resolved',
    ...without('net_admin'),
    fault: ip(`neigh del ${gateway} dev eth0`),
    verify: { unknown: { 'arp-announce': /EPERM|CAP_NET_ADMIN/, datapath: /CAP_NET_ADMIN/ } },
  },
  {
    name: 'without CAP_BPF and CAP_SYS_ADMIN: by a device of its own',
    ...without('bpf', 'sys_admin'),
    verify: { pass: { 'arp-silence': /mirred/ } },
  },
  {
    name: 'without any of them',
    ...without('net_raw', 'net_admin', 'bpf', 'sys_admin'),
    verify: {
      unknown: {
        'arp-silence': /EPERM/,
        'arp-announce': /EPERM|CAP_/,
        'vip-owner': /EPERM/,
        datapath: /EPERM/,
      },
    },
  },
  {
    name: 'without CAP_BPF and CAP_SYS_ADMIN, where there is no /dev/net/tun either',
    launcher: [
      ...inOwnMounts,
      `mount -t tmpfs none /dev/net && exec setpriv --bounding-set=-bpf,-sys_admin -- "$@"`,
      'sh',
    ],
    verify: { unknown: { 'arp-silence': /tun|EPERM/, datapath: /tun|EPERM/ } },
  },
  {
    name: 'bpf() is refused, as by a seccomp filter',
    launcher: ['strace', '-f', '-qq', '-o', '/dev/null', '-e', 'trace=bpf', '-e', 'inject=bpf:error=EPERM'],
    verify: { pass: { 'arp-silence': /mirred/ } },
  },
  {
    name: '/proc/sys is read-only',
    launcher: [...inOwnMounts, remount, 'sh'],
    verify: {},
  },
]
