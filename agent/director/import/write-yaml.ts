import { Document, isMap, isSeq, visit, type YAMLMap } from 'yaml'
import type { Expressed, ExpressedService } from './express.ts'
import { type ImportKind, type ImportWarning, type Place, placeText, printable } from './imported.ts'

/** Parts that stand on one line. */
const SHORT = ['persistence', 'tunnel', 'timeouts', 'syncDaemon', 'schedulerFlags']
/** Those of which each item does. */
const LISTS = ['realServers', 'check']

/** The whole configuration as plain values. */
export function valuesOf({ director: { interface: nic, ...rest }, services }: Expressed) {
  return { director: { interface: nic, services: services.map(({ value }) => value), ...rest } }
}

/** Our configuration as YAML, with the places that it comes from, and what has no equal, as comments. */
export function writeYaml(expressed: Expressed, kind: ImportKind, file: string): string {
  const document = new Document(valuesOf(expressed))
  document.commentBefore = [
    ` Made by \`rs-agent director import\` from ${printable(file)} (${kind}).`,
    ...expressed.general.flatMap(warning => linesOf(warning)),
  ].join('\n')
  visit(document, {
    Pair(_, { key, value }) {
      const name = String((key as { value?: unknown }).value)
      if (SHORT.includes(name) && (isMap(value) || isSeq(value))) value.flow = true
      if (name === 'check' && isMap(value)) value.flow = true
      if (LISTS.includes(name) && isSeq(value))
        for (const item of value.items) if (isMap(item)) item.flow = true
    },
  })
  const services = document.getIn(['director', 'services'])
  if (isSeq(services))
    services.items.forEach((item, index) => {
      const comment = commentOf(expressed.services[index] as ExpressedService)
      if (isMap(item)) (item as YAMLMap).commentBefore = comment
    })
  return document.toString({ lineWidth: 0, flowCollectionPadding: true })
}

function commentOf({ at, title, warnings }: ExpressedService): string {
  const origin = title === null ? whereOf(at) : `${printable(title)} (${whereOf(at)})`
  return [` ${origin}`, ...warnings.flatMap(linesOf)].join('\n')
}

function whereOf({ file, line }: Place): string {
  return printable(`${file}:${line}`)
}

function linesOf({ id, at, message, hint }: ImportWarning): string[] {
  return [` ${id}: ${message} (${printable(placeText(at))})`, `   -> ${hint}`]
}
