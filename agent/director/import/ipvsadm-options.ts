import { type Findings, type Place, refuse } from './imported.ts'

/** The words of one rule, as ipvsadm's popt takes them apart (ipvsadm 1.31, ipvsadm.c, parse_options). */

export interface Word {
  text: string
  at: Place
}

export interface Option {
  name: OptionName
  at: Place
  /** Null where an optional value is left out, or none is taken. */
  value: Word | null
}

type Takes = 'nothing' | 'value' | 'value-or-nothing'

/** By the long names; `short` in `-x`. */
const OPTIONS = {
  'add-service': { short: 'A', takes: 'nothing' },
  'edit-service': { short: 'E', takes: 'nothing' },
  'delete-service': { short: 'D', takes: 'nothing' },
  clear: { short: 'C', takes: 'nothing' },
  list: { short: 'L', takes: 'nothing' },
  zero: { short: 'Z', takes: 'nothing' },
  'add-server': { short: 'a', takes: 'nothing' },
  'edit-server': { short: 'e', takes: 'nothing' },
  'delete-server': { short: 'd', takes: 'nothing' },
  set: { takes: 'nothing' },
  help: { short: 'h', takes: 'nothing' },
  version: { short: 'v', takes: 'nothing' },
  restore: { short: 'R', takes: 'nothing' },
  save: { short: 'S', takes: 'nothing' },
  'start-daemon': { takes: 'value' },
  'stop-daemon': { takes: 'value' },
  'tcp-service': { short: 't', takes: 'value' },
  'udp-service': { short: 'u', takes: 'value' },
  'sctp-service': { takes: 'value' },
  'fwmark-service': { short: 'f', takes: 'value' },
  scheduler: { short: 's', takes: 'value' },
  persistent: { short: 'p', takes: 'value-or-nothing' },
  netmask: { short: 'M', takes: 'value' },
  'real-server': { short: 'r', takes: 'value' },
  masquerading: { short: 'm', takes: 'nothing' },
  ipip: { short: 'i', takes: 'nothing' },
  gatewaying: { short: 'g', takes: 'nothing' },
  weight: { short: 'w', takes: 'value' },
  'u-threshold': { short: 'x', takes: 'value' },
  'l-threshold': { short: 'y', takes: 'value' },
  numeric: { short: 'n', takes: 'nothing' },
  connection: { short: 'c', takes: 'nothing' },
  'mcast-interface': { takes: 'value' },
  syncid: { takes: 'value' },
  timeout: { takes: 'nothing' },
  daemon: { takes: 'nothing' },
  stats: { takes: 'nothing' },
  rate: { takes: 'nothing' },
  thresholds: { takes: 'nothing' },
  'persistent-conn': { takes: 'nothing' },
  nosort: { takes: 'nothing' },
  sort: { takes: 'nothing' },
  exact: { short: 'X', takes: 'nothing' },
  ipv6: { short: '6', takes: 'nothing' },
  ops: { short: 'o', takes: 'nothing' },
  pe: { takes: 'value' },
  'sched-flags': { short: 'b', takes: 'value' },
  'mcast-group': { takes: 'value' },
  'mcast-port': { takes: 'value' },
  'mcast-ttl': { takes: 'value' },
  'sync-maxlen': { takes: 'value' },
  'tun-info': { takes: 'nothing' },
  'tun-type': { takes: 'value' },
  'tun-port': { takes: 'value' },
  'tun-nocsum': { takes: 'nothing' },
  'tun-csum': { takes: 'nothing' },
  'tun-remcsum': { takes: 'nothing' },
} as const satisfies Record<string, { short?: string; takes: Takes }>

export type OptionName = keyof typeof OPTIONS

const BY_SHORT = new Map<string, OptionName>(
  Object.entries(OPTIONS).flatMap(([name, option]) =>
    'short' in option ? [[option.short, name as OptionName] as const] : [],
  ),
).set('l', 'list')

/** Options in their order, and the words that belong to none; what is wrong with them is a finding. */
export function takeApart(words: readonly Word[], findings: Findings): { options: Option[]; rest: Word[] } {
  const options: Option[] = []
  const rest: Word[] = []
  const left = [...words]
  for (let word = left.shift(); word !== undefined; word = left.shift()) {
    if (word.text.startsWith('--') && word.text.length > 2) takeLong(word)
    else if (word.text.startsWith('-') && word.text.length > 1) takeShort(word)
    else rest.push(word)
  }
  return { options, rest }

  function takeLong(word: Word): void {
    const [name = '', ...values] = word.text.slice(2).split('=')
    if (!(name in OPTIONS)) {
      refuse(findings, word.at, `ipvsadm has no option --${name}`)
      return
    }
    const attached = values.length === 0 ? null : { text: values.join('='), at: word.at }
    take(name as OptionName, word, attached)
  }

  /** `-Ln` is two options, `-srr` one with its value. */
  function takeShort(word: Word): void {
    for (let at = 1; at < word.text.length; at++) {
      const letter = word.text[at] ?? ''
      const name = BY_SHORT.get(letter)
      if (name === undefined) {
        refuse(findings, word.at, `ipvsadm has no option -${letter}`)
        return
      }
      const behind = word.text.slice(at + 1)
      if (OPTIONS[name].takes === 'nothing' || behind === '') take(name, word, null)
      else {
        take(name, word, { text: behind.replace(/^=/, ''), at: word.at })
        return
      }
    }
  }

  function take(name: OptionName, { at }: Word, attached: Word | null): void {
    const { takes } = OPTIONS[name]
    if (takes === 'nothing') {
      if (attached !== null) {
        refuse(findings, at, `--${name} takes no value`)
        return
      }
      options.push({ name, at, value: null })
    } else if (attached !== null) options.push({ name, at, value: attached })
    else if (takes === 'value' || (left[0] !== undefined && !left[0].text.startsWith('-'))) {
      const value = left.shift()
      if (value === undefined) {
        refuse(findings, at, `--${name} needs a value`)
        return
      }
      options.push({ name, at, value })
    } else options.push({ name, at, value: null })
  }
}
