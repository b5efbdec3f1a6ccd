import type { DirectorCheckConfig } from '../../config/check.ts'

/** The configuration of one kind of check. */
export type Config<Type extends DirectorCheckConfig['type']> = Extract<DirectorCheckConfig, { type: Type }>
