import { isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml'
import { type Trace, vipIn } from '../trace.ts'

/** The addresses that netplan gives to lo; a file that is no YAML gives it none. */
export function netplanTraces(text: string, path: string): Trace[] {
  const lines = new LineCounter()
  const addresses = parseDocument(text, { lineCounter: lines }).getIn([
    'network',
    'ethernets',
    'lo',
    'addresses',
  ])
  if (!isSeq(addresses)) return []
  return addresses.items.flatMap(item => {
    // An address with options is the key of a map.
    const scalar = isMap(item) ? item.items[0]?.key : item
    const vip = isScalar(scalar) ? vipIn(String(scalar.value)) : null
    if (vip === null || !isScalar(scalar)) return []
    const line = lines.linePos(scalar.range?.[0] ?? 0).line
    return [
      { path, line, text: (text.split('\n')[line - 1] ?? '').trim(), means: { kind: 'binds-vip', vip } },
    ]
  })
}
