/**
 * What the sysctl.d files of a host make of a parameter at the next boot, by the rules of sysctl.d(5) as
 * systemd-sysctl follows them. Pure: takes the texts, reads nothing.
 */

/** The folders in falling order of precedence: a file hides those of the same name further down. */
export const SYSCTL_FOLDERS = [
  'etc/sysctl.d',
  'run/sysctl.d',
  'usr/local/lib/sysctl.d',
  'usr/lib/sysctl.d',
  'lib/sysctl.d',
] as const
/** Debian links this one as sysctl.d/99-sysctl.conf; `sysctl --system` reads it after all others anyway. */
export const SYSCTL_CONF = 'etc/sysctl.conf'

export interface SysctlFile {
  /** Path below the root, as messages name it. */
  path: string
  content: string
}

export interface Assignment {
  value: string
  /** `path:line`. */
  where: string
}

/** Of all files found, those that count, in the order in which they are applied. */
export function filesInOrder(files: readonly SysctlFile[]): SysctlFile[] {
  const counting = new Map<string, SysctlFile>()
  for (const folder of SYSCTL_FOLDERS)
    for (const file of files) {
      const name = file.path.slice(file.path.lastIndexOf('/') + 1)
      if (file.path === `${folder}/${name}` && name.endsWith('.conf') && !counting.has(name))
        counting.set(name, file)
    }
  const ordered = [...counting].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, file]) => file)
  const last = files.find(file => file.path === SYSCTL_CONF)
  return last === undefined ? ordered : [...ordered, last]
}

/** Answers what a parameter will be set to at boot; null when no file sets it. */
export function bootAssignments(files: readonly SysctlFile[]): (path: string) => Assignment | null {
  const exact = new Map<string, Assignment>()
  const patterns: { pattern: RegExp; assignment: Assignment | null }[] = []
  for (const { path, content } of filesInOrder(files))
    content.split('\n').forEach((line, index) => {
      const parsed = parseLine(line)
      if (parsed === null) return
      const assignment = parsed.value === null ? null : { value: parsed.value, where: `${path}:${index + 1}` }
      if (/[*?[]/.test(parsed.key)) patterns.push({ pattern: globPattern(parsed.key), assignment })
      else if (assignment !== null) exact.set(parsed.key, assignment)
      else patterns.push({ pattern: globPattern(parsed.key), assignment })
    })
  // An exact assignment wins over patterns wherever it stands; among patterns the last one wins.
  return path => exact.get(path) ?? patterns.findLast(({ pattern }) => pattern.test(path))?.assignment ?? null
}

/** A line `-key` without a value takes the key out of what patterns set. */
function parseLine(line: string): { key: string; value: string | null } | null {
  const text = line.trim()
  if (text === '' || text.startsWith('#') || text.startsWith(';')) return null
  const equals = text.indexOf('=')
  if (equals === -1)
    return text.startsWith('-') ? { key: normalizeKey(text.slice(1).trim()), value: null } : null
  const key = text.slice(0, equals).trim()
  return {
    key: normalizeKey(key.startsWith('-') ? key.slice(1).trim() : key),
    value: text.slice(equals + 1).trim(),
  }
}

/** With a dot as the first separator, dots and slashes trade places. */
function normalizeKey(key: string): string {
  const first = key.search(/[./]/)
  if (first === -1 || key[first] === '/') return key
  return key.replace(/[./]/g, separator => (separator === '.' ? '/' : '.'))
}

function globPattern(glob: string): RegExp {
  const source = glob
    .replace(/[.+^${}()|\\]/g, '\\$&')
    .replace(/\*/g, '[^/]*')
    .replace(/\?/g, '[^/]')
    .replace(/\[!/g, '[^')
  try {
    return new RegExp(`^${source}$`)
  } catch {
    // An unclosed bracket matches itself, as in glob(7).
    return new RegExp(`^${glob.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`)
  }
}
