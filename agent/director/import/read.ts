import type { Findings, Imported, ImportKind } from './imported.ts'
import { readIpvsadm } from './ipvsadm.ts'
import { readKeepalived } from './keepalived.ts'
import type { Files } from './keepalived-lines.ts'
import { readLdirectord } from './ldirectord.ts'
import type { Names } from './names.ts'

/** What else a file needs to be understood. */
export interface Surroundings {
  names: Names
  files: Files
}

/** Reads a file of the kind; what is wrong with it, and what has no equal, goes into the findings. */
export function readImport(
  kind: ImportKind,
  text: string,
  file: string,
  { names, files }: Surroundings,
  findings: Findings,
): Imported {
  switch (kind) {
    case 'ipvsadm':
      return readIpvsadm(text, file, names, findings)
    case 'ldirectord':
      return readLdirectord(text, file, names, findings)
    case 'keepalived':
      return readKeepalived(text, file, files, findings)
    default:
      return kind satisfies never
  }
}
