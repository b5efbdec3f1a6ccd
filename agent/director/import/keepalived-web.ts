import { bodyOf, hostOf, pathOf } from './http-words.ts'
import { type Findings, type ImportedCheck, refuse } from './imported.ts'
import type { Statement } from './keepalived-blocks.ts'
import { type Block, blockOf } from './keepalived-words.ts'

type Asked = Pick<ImportedCheck, 'path' | 'host' | 'status' | 'body'>

/** What HTTP_GET and SSL_GET ask: one for each url, all of which must be right. */
export function pagesOf(checker: Statement, blocks: readonly Block[], findings: Findings): Asked[] {
  const urls = (checker.block ?? []).filter(({ words }) => words[0] === 'url')
  if (urls.length === 0) refuse(findings, checker.at, `${checker.words[0]} needs a url`)
  return urls.map(url => pageOf(url, blocks, findings))
}

const KNOWN = ['path', 'status_code', 'virtualhost', 'regex', 'regex_no_match', 'tls_compliant']
const ABOUT_BODY = 'write `body`, a text that every good answer contains'
const WITHOUT_EQUAL: Partial<Record<string, string>> = {
  digest: ABOUT_BODY,
  regex_max_offset: ABOUT_BODY,
  regex_min_offset: ABOUT_BODY,
  regex_options: ABOUT_BODY,
  regex_stack: 'nothing is to be done',
}

function pageOf(url: Statement, blocks: readonly Block[], findings: Findings): Asked {
  const { last } = blockOf(url, KNOWN, WITHOUT_EQUAL, findings)
  const path = last.get('path')
  if (path?.words[1] === undefined) refuse(findings, path?.at ?? url.at, 'a url needs a path')
  const host = [last, ...blocks.map(block => block.last)].map(each => each.get('virtualhost')).find(Boolean)
  const sni = blocks[0]?.last.get('sni_name')
  const named = host ?? (sni?.words[1] === undefined ? undefined : sni)
  const pattern = last.get('regex')
  const isInverse = last.has('regex_no_match')
  return {
    path: pathOf(path?.words[1] ?? '/', path?.at, findings),
    ...(named === undefined ? {} : hostOf(named.words[1] ?? '', named.at, findings)),
    status: statusOf(last.get('status_code'), findings),
    ...(pattern === undefined || isInverse ? {} : bodyOf(pattern.words[1] ?? '', pattern.at, findings)),
  }
}

/** HTTP_DEFAULT_STATUS_CODE_MIN and _MAX of keepalived: 3xx is a failure there. */
const DEFAULT_STATUS = '200-299'

function statusOf(statement: Statement | undefined, findings: Findings): NonNullable<Asked['status']> {
  const codes = statement?.words.slice(1) ?? []
  for (const code of codes) {
    const [first = '', last = first] = code.split('-')
    if (statement !== undefined && (!/^[1-5][0-9]{2}(?:-[1-5][0-9]{2})?$/.test(code) || last < first))
      refuse(findings, statement.at, `${JSON.stringify(code)} is no HTTP status`)
  }
  const values = codes.map(code => (code.includes('-') ? code : Number(code)))
  const [value = DEFAULT_STATUS, ...others] = values
  return others.length === 0 ? value : values
}
