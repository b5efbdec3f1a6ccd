import { bodyOf, hostOf, pathOf } from './http-words.ts'
import { type Findings, type ImportedCheck, refuse, warn } from './imported.ts'
import type { Directive } from './ldirectord-file.ts'
import type { LdirectordRealServer } from './ldirectord-real.ts'
import type { Section } from './ldirectord-service.ts'

type Asked = Pick<ImportedCheck, 'type' | 'method' | 'path' | 'host' | 'body'>

/** What ldirectord's check_http asks of each real server. */
export function httpOf(
  type: 'http' | 'https',
  section: Section,
  findings: Findings,
): (server: LdirectordRealServer) => Asked {
  const request = quoted(section.get('request'), findings) ?? '/'
  const receive = quoted(section.get('receive'), findings) ?? ''
  const method = section.get('httpmethod')
  if (method !== undefined && !/^(?:get|head)$/i.test(method.value.trim()))
    refuse(findings, method.valueAt, `httpmethod is GET or HEAD, not ${JSON.stringify(method.value.trim())}`)
  const host = section.get('virtualhost')
  const named =
    host === undefined
      ? {}
      : hostOf(/"?([^"]*)"?/.exec(host.value)?.[1]?.trim() ?? '', host.valueAt, findings)
  const told = new Set<string>()
  return server => {
    const asked = server.asks ?? { request, receive }
    const at = server.asks === null ? (section.get('receive') ?? section.get('request'))?.valueAt : server.at
    // What many ask alike is told once.
    const name = JSON.stringify(asked)
    const own: Findings = told.has(name) ? { problems: [], warnings: [] } : findings
    told.add(name)
    const body = at === undefined ? {} : bodyOf(asked.receive, at, own)
    const isHead = method !== undefined && /head/i.test(method.value)
    if (isHead && body.body !== undefined)
      warn(
        own,
        method.at,
        'check-method',
        'the page is asked for with GET, not with HEAD, whose answers have no body',
        'nothing is to be done, unless the page is large',
      )
    return {
      type,
      ...(isHead && body.body === undefined ? { method: 'HEAD' } : {}),
      path: pathOf(`/${asked.request.replace(/^\//, '')}`, at, own),
      ...named,
      ...body,
    }
  }
}

/** ldirectord takes these in quotes alone. */
function quoted(directive: Directive | undefined, findings: Findings): string | null {
  if (directive === undefined) return null
  const [, text] = /^"(.+)"/.exec(directive.value) ?? []
  if (text === undefined) refuse(findings, directive.valueAt, `${directive.name} needs a text in quotes`)
  return text ?? null
}
