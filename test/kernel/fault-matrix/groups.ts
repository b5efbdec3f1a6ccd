import type { Row } from '../../support/fault-row.ts'
import { kernelFeatures } from '../../support/kernel-features.ts'
import { rows } from './rows.ts'

/** The parts of the matrix, by the names that vitest gives them: another kernel's run is held against them. */
export const GROUPS = {
  together: 'verify says what is true of',
  alone: 'verify says under load what is true of',
  special: 'verify says, where the kernel has it, what is true of',
} as const

type Group = keyof typeof GROUPS

export function rowsOf(group: Group): Row[] {
  return rows.filter(row => groupOf(row) === group)
}

function groupOf({ needs, runsAlone }: Row): Group {
  if (needs !== undefined) return 'special'
  return runsAlone ? 'alone' : 'together'
}

/** Those that need what the running kernel has not. */
export async function rowsBeyondThisKernel(): Promise<Row[]> {
  const features = await kernelFeatures()
  return rows.filter(({ needs = [] }) => needs.some(feature => !features.has(feature)))
}

/** As vitest joins it. */
export function fullNameOf(row: Row): string {
  return `${GROUPS[groupOf(row)]} > ${row.name}`
}
