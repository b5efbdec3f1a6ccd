import type { Commands } from '../../host/commands.ts'
import type { Host } from '../../host/host.ts'
import type { MountAnswer } from '../../host/mounts.ts'
import { type NfsProbe, probeNfs } from '../../host/nfs-probe.ts'
import {
  isNfs,
  isSameSource,
  type Mount,
  parseNfsSource,
  topmostAt,
  waitsForComers,
} from '../../model/mount.ts'
import { parseMountOptions } from '../../model/mount-options.ts'
import type { WantedRealServer, WantedShare } from '../desired.ts'
import { type ShareOptions, shareOptions } from '../nfs/options.ts'
import type { CheckResult } from './check.ts'

/** Less than three seconds, with what it takes to start. */
const JUDGE_LIMIT_MS = 1_900
/** A share is asked, and its server meanwhile; what is left after that is for an attempt to mount it. */
const ASK_LIMIT_MS = 1_400

type Machine = Pick<Host, 'mounts' | 'commands'>
type Judgement = Pick<CheckResult, 'verdict' | 'evidence' | 'hint'>

interface Share extends WantedShare {
  asked: ShareOptions
  /** As the configuration has it. */
  server: string
}

/** Each share is there, from where it is wanted, and its server answers for it; whatever hangs, this does not. */
export async function checkNfsMounted(
  host: Machine,
  { nfs }: Pick<WantedRealServer, 'nfs'>,
): Promise<CheckResult[]> {
  return Promise.all(
    nfs.map(async (wanted): Promise<CheckResult> => {
      const { server } = parseNfsSource(wanted.source)
      const share = { ...wanted, asked: shareOptions(wanted.options), server }
      return { id: 'nfs-mounted', subject: wanted.target, ...(await judge(host, share)) }
    }),
  )
}

async function judge({ mounts, commands }: Machine, share: Share): Promise<Judgement> {
  const giveUpAt = performance.now() + JUDGE_LIMIT_MS
  const { target } = share
  const seen = mounts.list()
  const mounted = topmostAt(seen, target)
  const stranger = mounted === null ? null : judgeStranger(mounted, share)
  if (stranger !== null) return stranger
  // Who comes first has it mounted.
  const isReachable = mounted !== null || waitsForComers(seen, target)
  const [server, answer] = await Promise.all([
    probe(commands, share, mounted),
    isReachable ? mounts.ask(target, { timeoutMs: ASK_LIMIT_MS }) : null,
  ])
  // Who asks for one that waits for comers has it mounted, or not.
  const now = topmostAt(mounts.list(), target)
  if (answer?.kind === 'fine') return judgeMounted(now, share)
  if (server.kind !== 'answers') return judgeDead(share, server, now)
  if (answer?.kind === 'no-answer') return judgeHanging(share, server, now)
  const trial = await mounts.tryOut(formFor(share), { timeoutMs: giveUpAt - performance.now() })
  return now === null || answer === null ? judgeMissing(share, trial) : judgeError(share, answer.why, trial)
}

/** Whatever else was mounted there. */
function judgeStranger(mounted: Mount, { source, target }: Share): Judgement | null {
  const hint = `umount ${target}; rs-agent apply`
  if (!isNfs(mounted))
    return failed(`${mounted.source} (${mounted.type}) is mounted there instead of ${source}`, hint)
  if (isSameSource(mounted.source, source)) return null
  return failed(`${mounted.source} is mounted there instead of ${source}`, hint)
}

/** By the address that the kernel uses: the name may have got another one since. */
function probe(commands: Commands, { server, asked }: Share, mounted: Mount | null): Promise<NfsProbe> {
  const options = parseMountOptions(mounted?.options ?? '')
  const address = options.find(({ name }) => name === 'addr')?.value ?? server
  const version = asked.version === '3' ? 3 : 4
  return probeNfs(commands, { server: address, port: asked.port, version }, { timeoutMs: ASK_LIMIT_MS })
}

/** Its server has just answered for it. */
function judgeMounted(mounted: Mount | null, share: Share): Judgement {
  const { source, target, asked } = share
  if (mounted === null)
    return failed(`${source} is not mounted: a look at ${target} did not bring it`, 'rs-agent apply')
  const stranger = judgeStranger(mounted, share)
  if (stranger !== null) return stranger
  const words = parseMountOptions(mounted.options).map(({ name }) => name)
  const access = words.includes('ro') ? 'ro' : 'rw'
  if (access !== asked.access)
    return failed(
      `${source} is mounted ${ACCESS[access]}, and wanted ${ACCESS[asked.access]}`,
      `umount ${target}; rs-agent apply`,
    )
  return { verdict: 'pass', evidence: `${source} is mounted ${ACCESS[access]} and answers`, hint: '' }
}

const ACCESS = { ro: 'read-only', rw: 'read-write' }

function judgeDead(share: Share, server: NfsProbe, mounted: Mount | null): Judgement {
  const { source, asked } = share
  const isNamed = server.kind !== 'unresolved'
  const place = isNamed ? `${share.server} port ${asked.port}` : share.server
  const what = isNamed ? 'its server is dead' : 'the name of its server cannot be resolved'
  return failed(
    `${source} ${stateOf(mounted)}, and ${what}: ${whatServerSays(server, place)}`,
    hintForServer(server, share),
  )
}

function stateOf(mounted: Mount | null): string {
  return mounted === null ? 'is not mounted' : 'is mounted'
}

function whatServerSays(server: NfsProbe, place: string): string {
  switch (server.kind) {
    case 'answers':
      return `${place} answers a call in ${server.tookMs.toFixed(1)} ms`
    case 'refused':
      return `${place} refuses the connection: no NFS server listens there`
    case 'silent':
      return `nothing comes back from ${place} within ${ASK_LIMIT_MS / 1000} s: the host is down, or not to be reached`
    case 'unreachable':
      return `${place} cannot be reached (${server.errno}): the host is down, or there is no way to it`
    case 'mute':
      return `${place} takes the connection, and gives no answer to a call within ${ASK_LIMIT_MS / 1000} s`
    case 'unresolved':
    case 'unfit':
      return `${place}: ${server.why}`
    default:
      return server satisfies never
  }
}

function hintForServer({ kind }: NfsProbe, { server, asked }: Share): string {
  if (kind === 'silent' || kind === 'unreachable')
    return `ping ${server}; ip route get ${server}; does a firewall drop ${asked.port}/tcp?`
  if (kind === 'unresolved')
    return `getent ahosts ${server}; cat /etc/resolv.conf; a line for ${server} in /etc/hosts, or its address as the source, needs no name server`
  if (kind === 'unfit') return `rpcinfo -T tcp ${server} nfs; is that the right server, and version?`
  return `on ${server}: systemctl status nfs-server; cat /proc/fs/nfsd/threads`
}

function judgeHanging(
  { source, target, server, asked }: Share,
  probed: NfsProbe,
  mounted: Mount | null,
): Judgement {
  const why = whatServerSays(probed, `${server} port ${asked.port}`)
  return failed(
    `${source} ${stateOf(mounted)}, and gave no answer within ${ASK_LIMIT_MS / 1000} s, although ${why}`,
    `does its disk hang? on ${server}: dmesg; here: umount -f -l ${target}; rs-agent apply`,
  )
}

function judgeMissing({ source, target, server }: Share, trial: MountAnswer): Judgement {
  if (trial.kind === 'fine')
    return failed(`${source} is not mounted; its server answers, and would let it be`, 'rs-agent apply')
  if (trial.kind === 'no-answer')
    return failed(
      `${source} is not mounted; its server answers calls, and does not let it be mounted within ${JUDGE_LIMIT_MS / 1000} s`,
      `on ${server}: systemctl status nfs-mountd; here: mount -v -t nfs ${source} ${target}`,
    )
  return failed(`${source} is not mounted, and cannot be: ${trial.why}`, hintForExport(server))
}

/** It is mounted, and only gives errors, while its server answers calls: is the share still there? */
function judgeError({ source, target, server }: Share, why: string, trial: MountAnswer): Judgement {
  const error = why.split(': ').at(-1) ?? why
  if (trial.kind === 'failed')
    return failed(
      `${source} is mounted and gives “${error}”: the server refuses it, ${trial.why}`,
      hintForExport(server),
    )
  const isStale = /stale/i.test(error)
  const state = isStale
    ? 'is stale: its server has another folder, or another file system, in its place'
    : `is mounted and gives “${error}”, although its server answers`
  return failed(`${source} ${state}`, `umount -f -l ${target}; rs-agent apply`)
}

function hintForExport(server: string): string {
  return `on ${server}: exportfs -v; is the folder there, and exported to this host? exportfs -ra`
}

/** Nothing of the mount that is there is used again: it may be what is broken. */
function formFor({ source, asked }: Share): { source: string; type: string; options: string } {
  return { source, type: 'nfs', options: `${asked.mount},nosharecache` }
}

function failed(evidence: string, hint: string): Judgement {
  return { verdict: 'fail', evidence, hint }
}
