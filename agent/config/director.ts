import * as v from 'valibot'
import { familyOf } from '../model/address.ts'
import { SCHEDULERS } from '../model/ipvs.ts'
import { isMulticast } from '../model/ipvs-limits.ts'
import { directorChecks } from './check.ts'
import { fallback, listen } from './listen.ts'
import { directorProblems, serviceProblems } from './service-problems.ts'
import {
  duration,
  durationSeconds,
  ipAddress,
  list,
  nicName,
  noTwoAlike,
  pathOf,
  portNumber,
  realServerAddress,
  section,
  vipAddress,
  wholeNumber,
} from './values.ts'

/** The section `director`: virtual services, and the real servers behind them. */

export const FORWARDING_METHODS = ['direct-route', 'tunnel', 'masquerade'] as const
const forwarding = v.picklist(FORWARDING_METHODS, FORWARDING_METHODS.join(', '))

const tunnel = section(
  {
    type: v.picklist(['ipip', 'gue', 'gre'], 'ipip, gue or gre'),
    port: v.optional(portNumber),
    checksum: v.optional(v.picklist(['none', 'full', 'remote'], 'none, full or remote'), 'none'),
  },
  'a tunnel: { type, port, checksum }',
)

/** ipvsadm's limit; the kernel takes larger ones, and its sums overflow with them. */
const weight = wholeNumber(0, 65_535, 'a weight from 0 (no new connections) to 65535')
const threshold = wholeNumber(0, 0xffff_ffff, 'a number of connections; 0 for no limit')

const realServer = section(
  {
    address: realServerAddress,
    port: v.optional(portNumber),
    weight: v.optional(weight, 1),
    upperThreshold: v.optional(threshold, 0),
    lowerThreshold: v.optional(threshold, 0),
    forwarding: v.optional(forwarding),
    /** Instead of those of the service. */
    check: v.optional(directorChecks),
  },
  'a real server: { address, port, weight, upperThreshold, lowerThreshold, forwarding, check }',
)

const persistence = section(
  {
    timeout: v.optional(durationSeconds, '300s'),
    netmask: v.optional(
      v.union(
        [ipAddress, wholeNumber(1, 128, 'a prefix length')],
        'a netmask such as 255.255.255.0, or a prefix length such as 64 (IPv6)',
      ),
    ),
    engine: v.optional(v.literal('sip', 'sip')),
  },
  'a persistence: { timeout, netmask, engine }',
)

/** A weight grows once a second at most, and in two steps at least. */
const slowStart = v.pipe(duration, v.minValue(2_000, 'a time of 2s or more, such as 30s'))

const schedulers = [...SCHEDULERS.keys()]
const SCHEDULER = `a scheduler of IPVS: ${schedulers.join(', ')}`
const service = v.pipe(
  section(
    {
      listen: v.optional(listen),
      firewallMark: v.optional(wholeNumber(1, 0xffff_ffff, 'a firewall mark from 1 to 4294967295')),
      vips: v.optional(
        v.pipe(
          list(vipAddress, 'VIPs'),
          v.minLength(1, 'at least one VIP'),
          noTwoAlike(vip => vip),
        ),
      ),
      scheduler: v.optional(v.picklist(schedulers, SCHEDULER), 'wlc'),
      schedulerFlags: v.optional(list(v.picklist(['fallback', 'port'], 'fallback or port'), 'flags'), []),
      onePacket: v.optional(v.boolean('true or false'), false),
      persistence: v.optional(persistence),
      forwarding: v.optional(forwarding, 'direct-route'),
      tunnel: v.optional(tunnel),
      /** Of none the kernel refuses what clients send, or the fallback serves. */
      realServers: list(realServer, 'real servers, or [] where there is none'),
      fallback: v.optional(fallback),
      onFailure: v.optional(v.picklist(['quiesce', 'remove'], 'quiesce or remove'), 'quiesce'),
      check: v.optional(directorChecks),
      slowStart: v.optional(slowStart),
    },
    'a service: { listen, scheduler, persistence, forwarding, realServers, ... }',
  ),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return
    for (const { path, message } of serviceProblems(dataset.value))
      addIssue({ message, path: pathOf(dataset.value, path) })
  }),
)

const MAX_LENGTH = 'a length in bytes from 1 (as backup from 1024) to 65507 (with an IPv6 group 65487)'
const syncDaemonFields = section(
  {
    role: v.picklist(['master', 'backup'], 'master or backup'),
    interface: nicName,
    id: v.optional(wholeNumber(0, 255, 'a sync id from 0 to 255'), 0),
    group: v.optional(v.pipe(ipAddress, v.check(isMulticast, 'a multicast address such as 224.0.0.81'))),
    port: v.optional(portNumber),
    ttl: v.optional(wholeNumber(1, 255, 'a TTL from 1 to 255')),
    maxLength: v.optional(wholeNumber(1, 65_507, MAX_LENGTH)),
  },
  'a sync daemon: { role, interface, id, group, port, ttl, maxLength }',
)

/** The kernel takes other lengths for the nearest of these (net/netfilter/ipvs/ip_vs_sync.c, start_sync_thread). */
const syncDaemon = v.pipe(
  syncDaemonFields,
  v.forward(
    v.check(({ role, group, maxLength }) => {
      const isIpv6 = group !== undefined && familyOf(group) === 6
      return (
        maxLength === undefined ||
        (maxLength >= (role === 'backup' ? 1_024 : 1) && maxLength <= (isIpv6 ? 65_487 : 65_507))
      )
    }, MAX_LENGTH),
    ['maxLength'],
  ),
)

const timeouts = section(
  { tcp: v.optional(durationSeconds), tcpFin: v.optional(durationSeconds), udp: v.optional(durationSeconds) },
  'timeouts of connections: { tcp, tcpFin, udp }',
)

const ARP_AUDIT = 'off, or a time of 1s or more such as 10s'
/** Milliseconds; null: off. A union would hide what is wrong with the one that was meant. */
const arpAudit = v.lazy(input =>
  typeof input === 'string' && /^[0-9]/.test(input)
    ? v.pipe(duration, v.minValue(1_000, ARP_AUDIT))
    : v.pipe(
        v.literal('off', ARP_AUDIT),
        v.transform(() => null),
      ),
)

const SHARE = 'a share such as 50%'
export const director = v.pipe(
  section(
    {
      interface: nicName,
      services: v.pipe(
        list(service, 'services'),
        v.minLength(1, 'at least one service; `rs-agent director remove` takes the role off'),
      ),
      bindVips: v.optional(v.boolean('true, or false when VRRP or the like moves the VIPs'), true),
      otherServices: v.optional(v.picklist(['keep', 'remove'], 'keep or remove'), 'keep'),
      syncDaemon: v.optional(syncDaemon),
      timeouts: v.optional(timeouts),
      expireQuiescentTemplate: v.optional(
        v.boolean(
          'true, or false when persistent clients shall stay with a real server that is out of rotation',
        ),
        true,
      ),
      minimumAvailable: v.optional(v.pipe(v.string(SHARE), v.regex(/^(100|[1-9]?[0-9])%$/, SHARE))),
      arpAudit: v.optional(arpAudit, '10s'),
    },
    'the director role: { interface, services, bindVips, otherServices, syncDaemon, timeouts, ... }',
  ),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return
    for (const { path, message } of directorProblems(dataset.value))
      addIssue({ message, path: pathOf(dataset.value, path) })
  }),
)

export type DirectorConfig = v.InferOutput<typeof director>
export type ServiceConfig = v.InferOutput<typeof service>
export type RealServerConfig = v.InferOutput<typeof realServer>
