import type { Row } from '../../support/fault-row.ts'

/** The parts of the matrix, by the names that vitest gives them: another kernel's run is held against them. */
export const GROUPS = {
  together: 'verify says what is true of',
  alone: 'verify says under load what is true of',
  special: 'verify says, where the kernel has it, what is true of',
} as const

export function groupOf({ needs, runsAlone }: Row): keyof typeof GROUPS {
  if (runsAlone) return 'alone'
  return needs === undefined ? 'together' : 'special'
}

/** As vitest joins it. */
export function fullNameOf(row: Row): string {
  return `${GROUPS[groupOf(row)]} > ${row.name}`
}
