import { AgentError } from '../errors.ts'

/** Why a configuration cannot be applied to this host as it is; nothing is touched then. */
export interface Refusal {
  /** The place in the configuration that asks for it. */
  path: (string | number)[]
  why: string
  /** `unsupported` when the host, not the configuration, is what has to change. */
  code?: 'unsupported'
  hint: string
}

/** All that stands between the configuration and this host, in one error. */
export function refuse(
  config: { locate(path: Refusal['path']): string },
  refusals: readonly Refusal[],
): void {
  const [first] = refusals
  if (first === undefined) return
  const lines = refusals.map(({ path, why }) => `${config.locate(path)}: ${why}`)
  const hints = [...new Set(refusals.map(({ hint }) => hint))]
  throw new AgentError(
    first.code ?? 'config-invalid',
    lines.join('\n'),
    `nothing was touched; ${hints.join('; ')}`,
  )
}
