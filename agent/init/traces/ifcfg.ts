import { type Trace, tracesOf, vipIn } from '../trace.ts'

/** ifcfg-lo:0 of the network scripts of Red Hat and SUSE: `IPADDR=`, `IPADDR_0=`. */
export function ifcfgTraces(text: string, path: string): Trace[] {
  return tracesOf(text, path, line => {
    const [, word = ''] = /^\s*(?:IPADDR|IPV6ADDR)\w*=(\S+)\s*$/.exec(line) ?? []
    const vip = vipIn(word)
    return vip === null ? [] : [{ kind: 'binds-vip', vip }]
  })
}
