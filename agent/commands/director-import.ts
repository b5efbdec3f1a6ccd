import * as v from 'valibot'
import { MAX_CONFIG_BYTES } from '../config/load.ts'
import { configuration } from '../config/schema.ts'
import { compareTables } from '../director/import/compare.ts'
import { type Expressed, express } from '../director/import/express.ts'
import {
  type Findings,
  IMPORT_KINDS,
  type Imported,
  type ImportKind,
  placeText,
  poolsOf,
} from '../director/import/imported.ts'
import { recogniseKind } from '../director/import/kind.ts'
import { type AskedName, nameKey, namesFrom } from '../director/import/names.ts'
import { readImport } from '../director/import/read.ts'
import { valuesOf, writeYaml } from '../director/import/write-yaml.ts'
import { AgentError, hasErrno, messageOf } from '../errors.ts'
import { matchFiles, readStdin, readText, readTextOrNull, resolveHost } from '../host/text-files.ts'
import type { IpAddress } from '../model/address.ts'
import { printDifferences, printImportWarnings, warningsReport } from '../report/import.ts'
import { withTable } from './director-tables.ts'
import type { Invocation } from './invocation.ts'

export interface ImportOptions {
  kind?: string
  interface?: string
  check: boolean
}

/** Writes our configuration from another tool's file to stdout; with `check` compares the file with the kernel. */
export async function directorImportCommand(
  invocation: Invocation,
  path: string,
  options: ImportOptions,
): Promise<number> {
  const { terminal } = invocation
  const text = await readFileOf(path)
  const file = path === '-' ? '<stdin>' : path
  const kind = kindOf(options.kind, text, file)
  const { imported, findings } = await readWithNames(kind, text, file)
  if (options.check) return checkTable(invocation, imported, findings)
  const nic = options.interface ?? null
  const expressed = express(imported, { nic, file, warnings: findings.warnings })
  refuseUnwritable(expressed, imported, file)
  const yaml = writeYaml(expressed, kind, file)
  refuseTooLong(yaml, file)
  if (terminal.json)
    terminal.document({
      kind,
      configuration: valuesOf(expressed),
      yaml,
      warnings: warningsReport(expressed.warnings),
    })
  else {
    printImportWarnings(terminal, expressed.warnings)
    terminal.line(yaml.trimEnd())
  }
  await terminal.written()
  return 0
}

async function readFileOf(path: string): Promise<string> {
  try {
    return path === '-' ? await readStdin() : readText(path)
  } catch (cause) {
    const what = `cannot read ${path === '-' ? 'stdin' : path}: ${messageOf(cause)}`
    if (hasErrno(cause, 'EACCES'))
      throw new AgentError('missing-capability', what, 'run as a user who may read it', cause)
    throw new AgentError('config-invalid', what, 'name a file of UTF-8 text, or - for stdin', cause)
  }
}

function kindOf(told: string | undefined, text: string, file: string): ImportKind {
  const kind = told === undefined ? recogniseKind(text) : IMPORT_KINDS.find(each => each === told)
  if (kind === undefined)
    throw new AgentError(
      'usage',
      `--kind: ${JSON.stringify(told)} is no kind of file`,
      `write one of ${IMPORT_KINDS.join(', ')}`,
    )
  if (kind !== null) return kind
  throw new AgentError(
    'config-invalid',
    `${file}:1:1: this is no file of ipvsadm, ldirectord or keepalived, as far as its lines tell`,
    `tell its kind: --kind ${IMPORT_KINDS.join('|')}`,
  )
}

/** Reads twice where there are names of hosts: to learn which, and with their addresses. */
async function readWithNames(
  kind: ImportKind,
  text: string,
  file: string,
): Promise<{ imported: Imported; findings: Findings }> {
  const asked = new Map<string, AskedName>()
  const resolved = new Map<string, IpAddress>()
  const services = readTextOrNull('/etc/services') ?? ''
  const files = { match: matchFiles, read: readTextOrNull }
  const read = () => {
    const findings: Findings = { problems: [], warnings: [] }
    const names = namesFrom(services, resolved, name => asked.set(nameKey(name), name))
    return { imported: readImport(kind, text, file, { names, files }, findings), findings }
  }
  const first = read()
  if (asked.size === 0) return throwProblems(first)
  await Promise.all(
    [...asked].map(async ([key, { name, family }]) => {
      const address = await resolveHost(name, family)
      if (address !== null) resolved.set(key, address)
    }),
  )
  const second = throwProblems(read())
  for (const [key, address] of resolved)
    second.findings.warnings.push({
      id: 'name-resolved',
      at: { file, line: 1, column: 1 },
      message: `${asked.get(key)?.name} is ${address} now, which is written`,
      hint: 'nothing is to be done: IPVS keeps addresses, and so does our configuration',
    })
  return second
}

function throwProblems<T extends { findings: Findings; imported: Imported }>(read: T): T {
  // A group has a service for each address, and the same problem with each.
  const problems = [
    ...new Set(read.findings.problems.map(({ at, message }) => `${placeText(at)}: ${message}`)),
  ]
  if (problems.length === 0) return read
  const count = problems.length === 1 ? '' : `${problems.length} problems in the file:\n`
  throw new AgentError(
    'config-invalid',
    count + problems.join('\n'),
    'its own tool refuses this too, or passes over it: mend the file and run this again',
  )
}

/** What is written must load; the rest of our rules is told with the line of the service that breaks them. */
function refuseUnwritable(expressed: Expressed, imported: Imported, file: string): void {
  const [first] = imported.services
  if (expressed.services.length === 0)
    throw new AgentError(
      'config-invalid',
      first === undefined
        ? `${file}:1:1: there is no virtual service in it`
        : `${placeText(first.at)}: no service of the file can be written:\n${expressed.warnings.map(({ at, message }) => `${placeText(at)}: ${message}`).join('\n')}`,
      'a configuration has at least one service',
    )
  const result = v.safeParse(configuration, valuesOf(expressed))
  if (result.success) return
  const problems = result.issues.map(({ message, path = [] }) => {
    const keys = path.map(({ key }) => key)
    const service = keys[1] === 'services' ? expressed.services[Number(keys[2])] : undefined
    return `${service === undefined ? `${file}:1:1` : placeText(service.at)}: ${keys.join('.')}: expected ${message}`
  })
  throw new AgentError(
    'config-invalid',
    problems.join('\n'),
    'our configuration cannot say this: mend the file first',
  )
}

function refuseTooLong(yaml: string, file: string): void {
  const bytes = Buffer.byteLength(yaml)
  if (bytes > MAX_CONFIG_BYTES)
    throw new AgentError(
      'config-invalid',
      `${file}:1:1: what it means takes ${bytes} bytes of our configuration, which is at most ${MAX_CONFIG_BYTES}`,
      'import a part of the services, or give those of one kind a firewall mark',
    )
}

async function checkTable(
  invocation: Invocation,
  imported: Imported,
  { warnings }: Findings,
): Promise<number> {
  const { terminal } = invocation
  const found = await withTable(invocation, ipvs => ipvs.table())
  const differences = compareTables(poolsOf(imported), found)
  const all = [...warnings, ...imported.services.flatMap(service => service.warnings)]
  if (terminal.json)
    terminal.document({ equal: differences.length === 0, differences, warnings: warningsReport(all) })
  else {
    printImportWarnings(terminal, all)
    printDifferences(terminal, differences, imported.services.length)
  }
  return differences.length === 0 ? 0 : 2
}
