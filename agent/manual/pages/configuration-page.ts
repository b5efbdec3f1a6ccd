import type { ConfigurationKey } from './configuration-keys.ts'
import { MEANINGS } from './configuration-meanings.ts'
import { bold, type Edition, entry, heading, page, plain, subheading, verbatim } from './roff.ts'

/** A director's checks stand in two places of the schema, and once on the page. */
const CHECKS = /^director\.services\[\](?:\.realServers\[\])?\.check\[\]/

/** rs-agent.yaml(5). Throws for a key that nobody has written a meaning of, and for a meaning without a key. */
export function configurationPage(
  keys: readonly ConfigurationKey[],
  examples: readonly { title: string; text: string }[],
  edition: Edition,
): string {
  const named = new Map(keys.map(key => [key.path.replace(CHECKS, 'check[]'), key]))
  refuseDifferences([...named.keys()])
  const section = (prefix: RegExp): string[] =>
    [...named].filter(([path]) => prefix.test(path)).map(([path, key]) => keyEntry(path, key))
  return page({ name: 'rs-agent.yaml', section: '5', title: 'configuration of rs-agent', ...edition }, [
    heading('Description'),
    plain(
      'rs-agent reads YAML from /etc/rs-agent/config.yaml unless --config names another file. Every section is optional; at least one role is there. An unknown key, a wrong type or an address out of range is an error that points at the line; nothing on the host is touched then. In the names below [] stands for each item of a list.',
    ),
    heading('Real server'),
    ...section(/^realServer/),
    heading('Director'),
    ...section(/^director/),
    heading('Checks'),
    plain('What a director asks of each real server: one check, or a list of which all must pass.'),
    ...section(/^check/),
    heading('Service'),
    ...section(/^service/),
    heading('Examples'),
    ...examples.flatMap(({ title, text }) => [subheading(title), verbatim(text.trimEnd())]),
    heading('See also'),
    '.BR rs\\-agent (1)',
  ])
}

function keyEntry(path: string, { expected, defaultText }: ConfigurationKey): string {
  const parts = [
    MEANINGS[path] ?? '',
    expected === null ? '' : `Takes ${expected}.`,
    defaultText === null ? '' : `Default: ${defaultText}.`,
  ]
  return entry(bold(path), plain(parts.filter(part => part !== '').join(' ')))
}

function refuseDifferences(paths: readonly string[]): void {
  const missing = paths.filter(path => MEANINGS[path] === undefined)
  const left = Object.keys(MEANINGS).filter(path => !paths.includes(path))
  if (missing.length + left.length > 0)
    throw new Error(
      `agent/manual/pages/configuration-meanings.ts: no meaning of ${missing.join(', ') || 'nothing'}; no key ${left.join(', ') || 'nothing'}`,
    )
}
