import { serviceText, type VirtualService } from '../../model/ipvs.ts'
import {
  MAX_TIMEOUT_SECONDS,
  whyNotDaemon,
  whyNotDestination,
  whyNotService,
} from '../../model/ipvs-limits.ts'
import {
  type Findings,
  type Imported,
  type ImportedDaemon,
  type ImportedRealServer,
  type ImportedService,
  type Place,
  refuse,
  warn,
} from './imported.ts'
import { daemonOf } from './ipvsadm-daemon.ts'
import { type Option, type OptionName, takeApart, type Word } from './ipvsadm-options.ts'
import { type Rule, readRule } from './ipvsadm-rule.ts'
import type { Names } from './names.ts'
import { parseNumber } from './numbers.ts'

/** Rules that `ipvsadm -R` or ipvsadm-restore reads: carried out one by one on a table of our own. */
export function readIpvsadm(text: string, file: string, names: Names, findings: Findings): Imported {
  const table: Table = { services: new Map(), daemons: new Map(), timeouts: {} }
  text.split('\n').forEach((line, index) => {
    // ipvsadm-restore leaves these out; ipvsadm itself has no comments.
    if (line.startsWith('#')) return
    const words = wordsOf(line, file, index + 1)
    if (words.length > 0) carryOut(words, table, names, findings)
  })
  const daemons = [...table.daemons.values()]
  return {
    services: [...table.services.values()],
    daemons,
    timeouts: table.timeouts,
    nic: daemons[0]?.daemon.interface ?? null,
    bindsVips: true,
  }
}

interface Table {
  services: Map<string, ImportedService>
  daemons: Map<string, ImportedDaemon>
  timeouts: Imported['timeouts']
}

/** ipvsadm throws its own name away wherever it stands (config_stream.c). */
function wordsOf(line: string, file: string, number: number): Word[] {
  return [...line.matchAll(/[^ \t\r]+/g)]
    .map(({ 0: text, index }) => ({ text, at: { file, line: number, column: index + 1 } }))
    .filter(({ text }) => text !== 'ipvsadm')
}

const SERVICE_OPTIONS: OptionName[] = ['tcp-service', 'udp-service', 'sctp-service', 'fwmark-service', 'ipv6']
const FORM_OPTIONS: OptionName[] = ['scheduler', 'persistent', 'netmask', 'ops', 'pe', 'sched-flags']
const SERVER_OPTIONS: OptionName[] = [
  'real-server',
  'masquerading',
  'ipip',
  'gatewaying',
  'weight',
  'u-threshold',
  'l-threshold',
  'tun-type',
  'tun-port',
  'tun-nocsum',
  'tun-csum',
  'tun-remcsum',
]
const DAEMON_OPTIONS: OptionName[] = [
  'mcast-interface',
  'syncid',
  'mcast-group',
  'mcast-port',
  'mcast-ttl',
  'sync-maxlen',
]

/** What each command takes (ipvsadm.c, commands_v_options); null: it may stand here, and changes no table. */
const COMMANDS: Partial<Record<OptionName, readonly OptionName[] | null>> = {
  'add-service': [...SERVICE_OPTIONS, ...FORM_OPTIONS],
  'edit-service': [...SERVICE_OPTIONS, ...FORM_OPTIONS],
  'delete-service': SERVICE_OPTIONS,
  'add-server': [...SERVICE_OPTIONS, ...SERVER_OPTIONS],
  'edit-server': [...SERVICE_OPTIONS, ...SERVER_OPTIONS],
  'delete-server': [...SERVICE_OPTIONS, 'real-server'],
  clear: [],
  set: [],
  'start-daemon': DAEMON_OPTIONS,
  'stop-daemon': ['syncid'],
  zero: null,
  list: null,
  save: null,
}

function carryOut(words: readonly Word[], table: Table, names: Names, findings: Findings): void {
  const before = findings.problems.length
  const { options, rest } = takeApart(words, findings)
  if (findings.problems.length > before) return
  const [command, ...others] = options
  const at = (words[0] as Word).at
  const allowed = command === undefined ? undefined : COMMANDS[command.name]
  if (rest[0] === words[0] || command === undefined || allowed === undefined) {
    refuse(findings, at, `a rule starts with a command such as -A or -a, not ${words[0]?.text}`)
    return
  }
  if (allowed === null) {
    const hint = 'leave the line out'
    warn(findings, at, 'no-change-of-the-table', `--${command.name} changes no table`, hint)
    return
  }
  for (const option of others)
    if (!allowed.includes(option.name))
      refuse(findings, option.at, `--${option.name} is not for --${command.name}`)
  if (command.name !== 'set')
    for (const word of rest) refuse(findings, word.at, `unexpected word ${JSON.stringify(word.text)}`)
  if (findings.problems.length > before) return
  switch (command.name) {
    case 'clear':
      table.services.clear()
      return
    case 'set': {
      setTimeouts(command, rest, table, findings)
      return
    }
    case 'start-daemon':
    case 'stop-daemon': {
      switchDaemon(command, others, table, findings)
      return
    }
    default: {
      const rule = readRule(others, at, names, findings)
      if (findings.problems.length === before) changeTable(command.name, rule, at, table, findings)
    }
  }
}

function setTimeouts({ at }: Option, rest: readonly Word[], table: Table, findings: Findings): void {
  const fields = ['tcpSeconds', 'tcpFinSeconds', 'udpSeconds'] as const
  if (rest.length !== fields.length) {
    refuse(findings, at, '--set needs three timeouts')
    return
  }
  fields.forEach((field, index) => {
    const { text, at } = rest[index] as Word
    const seconds = parseNumber(text, 0, MAX_TIMEOUT_SECONDS)
    if (seconds === null) refuse(findings, at, `${JSON.stringify(text)} is no timeout from 0 to 31 days`)
    // 0 leaves it as it is.
    else if (seconds > 0) table.timeouts[field] = seconds
  })
}

function switchDaemon(
  { name, value }: Option,
  options: readonly Option[],
  { daemons }: Table,
  findings: Findings,
) {
  const { text: role, at } = value as Word
  if (role !== 'master' && role !== 'backup') {
    refuse(findings, at, `a sync daemon is a master or a backup, not ${JSON.stringify(role)}`)
    return
  }
  if (name === 'stop-daemon') {
    if (!daemons.delete(role)) refuse(findings, at, `there is no ${role} to stop`)
    return
  }
  const daemon = daemonOf(role, options, findings)
  if (daemon === null) return
  const why = whyNotDaemon(daemon)
  if (why !== null) refuse(findings, at, why)
  else if (daemons.has(role)) refuse(findings, at, `the ${role} was started before`)
  else daemons.set(role, { at, daemon })
}

function changeTable(
  command: OptionName,
  { service, destination, destinationAt }: Rule,
  at: Place,
  { services }: Table,
  findings: Findings,
): void {
  const name = serviceText(service.key)
  const present = services.get(name)
  if (command === 'add-service') {
    if (present !== undefined) {
      refuse(findings, at, `${name} was added before, in line ${present.at.line}`)
      return
    }
    const why = whyNotService(service)
    if (why !== null) {
      refuse(findings, at, `${name}: ${why}`)
      return
    }
    services.set(name, newService(service, at))
    return
  }
  if (present === undefined) {
    refuse(findings, at, `there is no service ${name} before this line`)
    return
  }
  if (command === 'edit-service') {
    const why = whyNotService(service)
    if (why === null) present.service = service
    else refuse(findings, at, `${name}: ${why}`)
  } else if (command === 'delete-service') services.delete(name)
  else if (destination === null) refuse(findings, at, 'a real server is missing: -r')
  else changeRealServer(command, { at: destinationAt, destination, checks: [] }, present, findings)
}

function newService(service: VirtualService, at: Place): ImportedService {
  return {
    at,
    title: null,
    service,
    realServers: [],
    fallback: null,
    onFailure: null,
    warnings: [],
  }
}

function changeRealServer(
  command: OptionName,
  server: ImportedRealServer,
  { service, realServers }: ImportedService,
  findings: Findings,
): void {
  const { at, destination } = server
  const { address, port } = destination
  const name = `real server ${address}, port ${port}, of ${serviceText(service.key)}`
  const index = realServers.findIndex(
    ({ destination: other }) => other.address === address && other.port === port,
  )
  if (command === 'add-server' && index >= 0) {
    refuse(findings, at, `${name} was added before`)
    return
  }
  if (command !== 'add-server' && index < 0) {
    refuse(findings, at, `there is no ${name} yet`)
    return
  }
  if (command === 'delete-server') {
    realServers.splice(index, 1)
    return
  }
  const why = whyNotDestination(destination, service.key)
  if (why !== null) refuse(findings, at, `${name}: ${why}`)
  else if (command === 'add-server') realServers.push(server)
  else realServers[index] = server
}
