import { type Trace, tracesOf, vipIn } from '../trace.ts'
import { commandMeanings } from './shell.ts'

/** interfaces(5) of ifupdown: the addresses of lo, and the commands that run with any interface. */
export function interfacesTraces(text: string, path: string): Trace[] {
  let stanza = ''
  return tracesOf(text, path, line => {
    const [word = '', first = '', ...rest] = line.trim().split(/\s+/)
    if (word === 'iface') stanza = first
    if (word === 'address' && isLoopback(stanza)) {
      const vip = vipIn(first)
      return vip === null ? [] : [{ kind: 'binds-vip', vip }]
    }
    if (!COMMANDS.includes(word)) return []
    return commandMeanings([first, ...rest].join(' ').replace(/\$(?:IFACE\b|\{IFACE\})/g, stanza))
  })
}

const COMMANDS = ['pre-up', 'up', 'post-up']

function isLoopback(name: string): boolean {
  return name === 'lo' || name.startsWith('lo:')
}
