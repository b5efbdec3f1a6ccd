import { serviceText } from '../../model/ipvs.ts'
import { type Findings, type Imported, NOTHING_IMPORTED, refuse, warn } from './imported.ts'
import { type Directive, readLines } from './ldirectord-file.ts'
import { serviceOf } from './ldirectord-service.ts'
import { DEFAULT_SETTINGS, readFallback, type Settings, WITHOUT_EQUAL } from './ldirectord-settings.ts'
import type { Names } from './names.ts'

/** ldirectord.cf, as ldirectord 4.x reads it: the table that it makes when every real server is healthy. */
export function readLdirectord(text: string, file: string, names: Names, findings: Findings): Imported {
  const { globals, virtuals, strange } = readLines(text, file)
  for (const { text, at } of strange) refuse(findings, at, `${JSON.stringify(text)} is no directive`)
  const settings = globals.reduce(
    (all, directive) => setGlobal(all, directive, names, findings),
    DEFAULT_SETTINGS,
  )
  const services = virtuals.flatMap(section => {
    const service = serviceOf(section, settings, names, findings)
    return service === null ? [] : [service]
  })
  const seen = new Set<string>()
  for (const { service, at } of services) {
    const name = serviceText(service.key)
    if (seen.has(name)) refuse(findings, at, `${name} is there twice`)
    seen.add(name)
  }
  return { ...NOTHING_IMPORTED, services }
}

const YES_OR_NO = ['autoreload', 'fork', 'supervised', 'quiescent', 'readdquiescent', 'cleanstop']
const SECONDS: Partial<Record<string, keyof Settings>> = {
  checktimeout: 'checkTimeout',
  negotiatetimeout: 'negotiateTimeout',
  checkinterval: 'checkInterval',
  failurecount: 'failureCount',
  checkcount: 'checkCount',
}
const GONE: Partial<Record<string, string>> = {
  connecttimeout: 'ldirectord has negotiatetimeout instead',
  timeout: 'ldirectord has checktimeout and negotiatetimeout instead',
}
function setGlobal(settings: Settings, directive: Directive, names: Names, findings: Findings): Settings {
  const { name, value, at, valueAt } = directive
  const field = SECONDS[name]
  if (field !== undefined) {
    const number = Number(/[0-9]+/.exec(value)?.[0])
    if (number > 0) return { ...settings, [field]: number }
    refuse(findings, valueAt, `${name} needs a number above 0`)
    return settings
  }
  if (YES_OR_NO.includes(name) && value !== 'yes' && value !== 'no')
    refuse(findings, valueAt, `${name} is yes or no, not ${JSON.stringify(value)}`)
  // One process of ours checks every service, each at its own interval.
  if (name === 'fork') return { ...settings, forks: value === 'yes' }
  if (name === 'quiescent') return { ...settings, quiescent: value === 'yes' }
  if (name === 'fallback' || name === 'fallback6') {
    const fallback = readFallback(directive, name === 'fallback' ? 4 : 6, names, findings)
    return name === 'fallback' ? { ...settings, fallback } : { ...settings, fallback6: fallback }
  }
  const gone = GONE[name]
  const hint = WITHOUT_EQUAL[name]
  if (gone !== undefined) refuse(findings, at, `${name} is not taken any more: ${gone}`)
  else if (hint === undefined || name === 'monitorfile') refuse(findings, at, `ldirectord knows no ${name}`)
  else warn(findings, at, `ldirectord-${name}`, `${name} = ${value} has no equal`, hint)
  return settings
}
