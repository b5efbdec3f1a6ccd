import { fstab } from './dialect.ts'
import { type Mount, parseOctal } from './mount.ts'

/** fstab(5), below the root: the file is the administrator's, one line of it for each mount may be ours. */
export const FSTAB = 'etc/fstab'

/** In one that was not there before: by it remove knows that the file goes with the last line. */
export const FSTAB_HEAD = '# rs-agent: there was no fstab before\n'

const COMMENT = /^\s*(#|$)/

/** The line that mounts something at the target; null when there is none. */
export function fstabLineOf(text: string, target: string): string | null {
  return text.split('\n').find(line => targetOf(line) === target) ?? null
}

/** Fields that are missing are empty texts. */
export function parseFstabLine(line: string): Mount {
  const [source = '', target = '', type = '', options = ''] = line.trim().split(/\s+/).map(parseOctal)
  return { source, target: target.replace(/(.)\/+$/, '$1'), type, options }
}

/** Neither dumped nor checked, as file systems of other hosts are. */
export function writeFstabLine({ source, target, type, options }: Mount): string {
  return `${[source, target, type, options].map(fstab.quote).join(' ')} 0 0`
}

/** The text with that line in the place of the one before, at the end when there was none, or without it. */
export function withFstabLine(text: string, target: string, line: string | null): string {
  const lines = text.split('\n')
  const index = lines.findIndex(each => targetOf(each) === target)
  if (index !== -1) lines.splice(index, 1, ...(line === null ? [] : [line]))
  else if (line !== null) lines.splice(lines.at(-1) === '' ? -1 : lines.length, 0, line)
  return lines.join('\n')
}

function targetOf(line: string): string | null {
  if (COMMENT.test(line)) return null
  const target = parseFstabLine(line).target
  return target === '' ? null : target
}
