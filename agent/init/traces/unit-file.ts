import { type Trace, tracesOf, vipIn } from '../trace.ts'

/**
 * Files of sections and `key=value` that give lo addresses: systemd.network(5) says so by `[Match] Name=lo`, the
 * keyfiles of NetworkManager by `interface-name=lo`.
 */
export function unitFileTraces(text: string, path: string): Trace[] {
  if (!/^\s*(?:Name|interface-name)\s*=\s*lo\s*$/m.test(text)) return []
  return tracesOf(text, path, line => {
    const [, word = ''] = /^\s*(?:Address|address\d*)\s*=\s*([^\s,]+)/.exec(line) ?? []
    const vip = vipIn(word)
    return vip === null ? [] : [{ kind: 'binds-vip', vip }]
  })
}
