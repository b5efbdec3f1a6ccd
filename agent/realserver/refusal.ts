/** Why a configuration cannot be applied to this host as it is; nothing is touched then. */
export interface Refusal {
  /** The place in the configuration that asks for it. */
  path: (string | number)[]
  why: string
  hint: string
}

export function vipPath(index: number): Refusal['path'] {
  return ['realServer', 'vips', index, 'address']
}
