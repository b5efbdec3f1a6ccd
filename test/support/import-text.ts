import type { Expressed } from '../../agent/director/import/express.ts'
import { express } from '../../agent/director/import/express.ts'
import {
  type Findings,
  type Imported,
  type ImportKind,
  type ImportWarning,
  placeText,
} from '../../agent/director/import/imported.ts'
import { namesFrom } from '../../agent/director/import/names.ts'
import { readImport } from '../../agent/director/import/read.ts'
import { writeYaml } from '../../agent/director/import/write-yaml.ts'
import type { IpAddress } from '../../agent/model/address.ts'

/** What `director import` makes of a text, without a process; every file is named FILE. */
export interface ImportedText {
  imported: Imported
  /** `FILE:1:2: message`, one for each problem. */
  problems: string[]
  expressed: Expressed
  /** `id FILE:1`, in order. */
  warnings: string[]
  yaml: string
}

const SERVICES = 'http 80/tcp www # WorldWideWeb\ndomain 53/tcp\ndomain 53/udp\n'
const HOSTS = new Map([
  ['rs1 4', '10.0.0.12' as IpAddress],
  ['vip 4', '10.0.0.100' as IpAddress],
])

/** `files` are those that may be included, by name; a pattern has no wildcard but `*`. */
export function importText(
  kind: ImportKind,
  text: string,
  { files = {}, nic = null }: { files?: Record<string, string>; nic?: string | null } = {},
): ImportedText {
  const findings: Findings = { problems: [], warnings: [] }
  const surroundings = {
    names: namesFrom(SERVICES, HOSTS, () => undefined),
    files: {
      match: (pattern: string) => Object.keys(files).filter(name => isMatch(name, pattern)),
      read: (name: string) => files[name] ?? null,
    },
  }
  const imported = readImport(kind, text, 'FILE', surroundings, findings)
  const expressed = express(imported, { nic, file: 'FILE', warnings: findings.warnings })
  return {
    imported,
    problems: findings.problems.map(({ at, message }) => `${placeText(at)}: ${message}`),
    expressed,
    warnings: expressed.warnings.map(warningText),
    yaml: writeYaml(expressed, kind, 'FILE'),
  }
}

/** Warnings of every import of a file that says nothing of NICs and VIPs. */
export const ABOUT_EVERY_FILE = ['interface-unknown', 'vips-are-bound']

/** Those that are about this text. */
export function ownWarnings({ warnings }: ImportedText): string[] {
  return warnings.filter(warning => !ABOUT_EVERY_FILE.some(id => warning.startsWith(`${id} `)))
}

function warningText({ id, at }: ImportWarning): string {
  return `${id} ${at.file}:${at.line}`
}

function isMatch(name: string, pattern: string): boolean {
  const [start = '', end = ''] = pattern.split('*')
  return pattern.includes('*') ? name.startsWith(start) && name.endsWith(end) : name === pattern
}
