import { hostname } from 'node:os'
import { AgentError } from '../errors.ts'
import { NoVantage } from '../host/vantage/injection.ts'
import { familyOf, type IpAddress, isInSubnet, parseIpAddress, whyNotVip } from '../model/address.ts'
import type { Link } from '../model/network.ts'
import { arpNics, isUnplugged, whyUnplugged } from '../model/network.ts'
import { type FoundHost, observeHost } from '../reconcile/found.ts'
import { type ProbeReport, printProbe } from '../report/probe.ts'
import { sendersOn } from '../segment/asking.ts'
import type { Memory } from '../segment/learnt.ts'
import { type Claimant, type KnownHosts, surveyOwners } from '../segment/owners.ts'
import { questionTarget } from '../segment/target.ts'
import { type Invocation, knownHosts, withHost } from './invocation.ts'

export interface ProbeOptions {
  target?: string
  interface?: string
  director?: string
}

const EXIT_STATUS = { 'as expected': 0, others: 2, nobody: 3 } as const

/** Who on the segment answers for an address; from any host of it, with or without a configuration. */
export async function probeCommand(
  invocation: Invocation,
  vipText: string,
  options: ProbeOptions,
): Promise<number> {
  const { terminal } = invocation
  const { vip, target } = parseAsked(vipText, options)
  const known = expectedHosts(invocation, options)
  const report = await withHost(invocation, async host => {
    const found = await observeHost(host, { sysctls: () => [], files: [] })
    const nic = chooseNic(found, target ?? vip, options.interface)
    if (target !== null) refuseOwnAddress(found, target)
    terminal.progress(`asking the segment of ${nic.name} who has ${vip}`)
    try {
      requireVoice(nic, found, vip)
      const question = { nic, vip, known, host, found, neighbours: await host.network.neighbours() }
      return target === null ? await probeEverybody(question) : await probeOne({ ...question, target })
    } catch (error) {
      if (!(error instanceof NoVantage)) throw error
      throw refusal(error, nic)
    } finally {
      terminal.progress(null)
    }
  })
  if (terminal.json) terminal.document(report)
  else printProbe(terminal, report)
  return EXIT_STATUS[report.verdict]
}

/** The address that is asked about, and the one host that is asked; null for everybody. */
function parseAsked(vipText: string, options: ProbeOptions): { vip: IpAddress; target: IpAddress | null } {
  const vip = parseAddress(vipText, 'VIP')
  const why = whyNotVip(vip)
  if (why !== null)
    throw new AgentError(
      'usage',
      `VIP: ${vip} is ${why}`,
      'write an address that clients can reach, such as 10.10.10.100',
    )
  const target = options.target === undefined ? null : parseAddress(options.target, '--target')
  if (target !== null && familyOf(target) !== familyOf(vip))
    throw new AgentError(
      'usage',
      `--target ${target} cannot be asked for ${vip}`,
      'both must be IPv4, or both IPv6',
    )
  return { vip, target }
}

interface Question extends Memory {
  vip: IpAddress
  known: KnownHosts
  found: FoundHost
}

async function probeEverybody(question: Question): Promise<ProbeReport> {
  const { nic, vip, known, found } = question
  const { claimants, alive } = await surveyOwners({ ...question, targets: [vip] })
  const owners = [...ownClaim(found, vip, known), ...(claimants.get(vip) ?? [])]
  const isExpected = ({ role, addresses }: Claimant): boolean =>
    known.directors.length === 0 ||
    role === 'director' ||
    addresses.some(address => known.directors.includes(address))
  const verdict =
    owners.length === 0
      ? 'nobody'
      : owners.length === 1 && owners.every(isExpected)
        ? 'as expected'
        : 'others'
  return { vip, nic: nic.name, target: null, verdict, owners, directors: known.directors, alive: [...alive] }
}

async function probeOne(question: Question & { target: IpAddress }): Promise<ProbeReport> {
  const { nic, vip, target, known } = question
  const { isThere, owner } = await questionTarget(question)
  const isExpected = known.directors.includes(target)
  const verdict = !isThere ? 'nobody' : (owner === null) === isExpected ? 'others' : 'as expected'
  const owners = owner === null ? [] : [owner]
  const alive = isThere ? [target] : []
  return { vip, nic: nic.name, target, verdict, owners, directors: known.directors, alive }
}

/** This host never hears its own question: a VIP on one of its NICs is an owner all the same. */
function ownClaim({ addresses, links }: FoundHost, vip: IpAddress, { directors }: KnownHosts): Claimant[] {
  return addresses
    .filter(({ address, link }) => address === vip && link !== 'lo')
    .map(({ link }) => {
      const own = addresses
        .filter(other => other.link === link && other.address !== vip)
        .map(({ address }) => address)
      const isDirector = own.some(address => directors.includes(address))
      const mac = links.find(({ name }) => name === link)?.mac ?? ''
      return {
        mac,
        role: isDirector ? 'director' : 'this host',
        addresses: own.filter(address => familyOf(address) === familyOf(vip)).slice(0, 1),
        latencyMs: 0,
        answers: 0,
      }
    })
}

function expectedHosts(invocation: Invocation, { director }: ProbeOptions): KnownHosts {
  const configured = knownHosts(invocation)
  if (director === undefined) return configured
  return {
    ...configured,
    directors: [...new Set(director.split(',').map(text => parseAddress(text.trim(), '--director')))],
  }
}

/** The NIC named, or the one in whose subnet the address lies. */
function chooseNic(found: FoundHost, address: IpAddress, name: string | undefined): Link {
  const nics = arpNics(found.links)
  if (name !== undefined) {
    const named = nics.find(link => link.name === name)
    if (named !== undefined) return named
    throw new AgentError(
      'usage',
      `--interface ${name}: ${hostname()} has no such NIC`,
      `it has ${nics.map(link => link.name).join(', ') || 'none'}`,
    )
  }
  const near = found.addresses.find(
    own =>
      own.address !== address &&
      nics.some(({ name }) => name === own.link) &&
      isInSubnet(address, own.address, own.prefixLength),
  )
  const chosen = nics.find(link => link.name === near?.link) ?? (nics.length === 1 ? nics[0] : undefined)
  if (chosen !== undefined) return chosen
  throw new AgentError(
    'usage',
    `${address} is in no subnet of this host: nobody knows on which segment to ask`,
    `name the NIC: --interface ${nics.map(link => link.name).join(' or ') || 'NIC'}`,
  )
}

function refuseOwnAddress({ addresses }: FoundHost, target: IpAddress): void {
  if (!addresses.some(({ address }) => address === target)) return
  throw new AgentError(
    'usage',
    `--target ${target} is this host, which does not hear its own question`,
    'rs-agent verify proves the silence of this host; or ask from another host of the segment',
  )
}

/** Where nobody can be asked, nobody's silence means anything. */
function requireVoice(nic: Link, found: FoundHost, vip: IpAddress): void {
  if (isUnplugged(nic)) throw new NoVantage('refused', whyUnplugged(nic))
  if (sendersOn(nic, found, [vip], familyOf(vip)).length === 0)
    throw new NoVantage('refused', 'it has no IPv6 address of its own to ask from')
}

function parseAddress(text: string, where: string): IpAddress {
  const address = parseIpAddress(text)
  if (address !== null) return address
  throw new AgentError(
    'usage',
    `${where}: ${JSON.stringify(text)} is not an IP address`,
    'write one such as 10.10.10.100',
  )
}

function refusal(error: NoVantage, { name }: Link): AgentError {
  if (error.obstacle === 'missing-capability')
    return new AgentError(
      'missing-capability',
      `cannot ask on ${name}: ${error.message}`,
      'needs CAP_NET_RAW: run as root',
      error,
    )
  return new AgentError(
    'unsupported',
    `cannot ask on ${name}: ${error.message}`,
    `is ${name} up, with a cable and an address? ip link show ${name}; ip address show ${name}`,
    error,
  )
}
