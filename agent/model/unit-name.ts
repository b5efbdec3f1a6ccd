/**
 * The name of the unit for a path, as `systemd-escape --path --suffix=TYPE` makes it: systemd finds the unit of a
 * mount point by it (systemd.unit(5), "String escaping for inclusion in unit names"; unit_name_path_escape() in
 * src/basic/unit-name.c). `path` is absolute, without `.` and `..`.
 */
export function unitNameOf(path: string, type: 'mount' | 'automount'): string {
  return `${escapePath(path)}.${type}`
}

/** src/basic/unit-name.h, with the zero at the end; longer ones systemd shortens by a hash of its own. */
export const MAX_UNIT_NAME_BYTES = 255

function escapePath(path: string): string {
  const parts = path.split('/').filter(part => part !== '')
  if (parts.length === 0) return '-'
  const escaped = parts.map(part => part.replace(/[^\w:.]/gu, hexadecimal)).join('-')
  return escaped.replace(/^\./, hexadecimal)
}

function hexadecimal(character: string): string {
  return [...new TextEncoder().encode(character)]
    .map(byte => `\\x${byte.toString(16).padStart(2, '0')}`)
    .join('')
}
