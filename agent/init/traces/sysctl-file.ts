import { sysctlMeaning, type Trace, tracesOf } from '../trace.ts'

/** Lines of sysctl.conf(5) and sysctl.d(5) that decide whether this host answers ARP for a VIP. */
export function sysctlFileTraces(text: string, path: string): Trace[] {
  return tracesOf(text, path, line => {
    const [, key = '', value = ''] = /^\s*-?\s*([^#;=\s][^=\s]*)\s*=\s*(\d+)\s*$/.exec(line) ?? []
    const meaning = sysctlMeaning(key, value)
    return meaning === null ? [] : [meaning]
  })
}
