import { recogniseKind } from '../../director/import/kind.ts'
import type { Trace } from '../trace.ts'

/** Files of keepalived, ldirectord and ipvsadm that fill the table of virtual services. */
export function directorToolTraces(text: string, path: string): Trace[] {
  const index = text.split('\n').findIndex(line => FIRST_SERVICE.test(line))
  const tool = recogniseKind(text)
  if (index === -1 || tool === null) return []
  const line = text.split('\n')[index] ?? ''
  return [{ path, line: index + 1, text: line.trim(), means: { kind: 'drives-ipvs', tool } }]
}

/** keepalived without one only moves addresses (VRRP). */
const FIRST_SERVICE = /^\s*(?:virtual_server\s|virtual6?\s*=|(?:ipvsadm\s+)?(?:-A|--add-service)\s)/
