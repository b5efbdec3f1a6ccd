import type { Change } from '../reconcile/setting.ts'
import type { Step } from '../reconcile/step.ts'

/** A step as `plan` and `apply` print it in JSON. */
export interface ChangeReport {
  id: string
  action: 'create' | 'update' | 'delete'
  subject: string
  before: string | null
  after: string | null
}

export function reportChange({ resource, change }: Step): ChangeReport {
  const before = valueText(change, change.before)
  const after = valueText(change, change.after)
  const action = change.after === null ? 'delete' : change.before === null ? 'create' : 'update'
  return { id: resource, action, subject: subjectOf(change), before, after }
}

function subjectOf(change: Change): string {
  switch (change.kind) {
    case 'sysctl':
      return change.id.path
    case 'file':
      return `/${change.id.path}`
    case 'address':
      return `${change.id.address}/${change.id.prefixLength} on ${change.id.link}`
    case 'route':
      return `route to ${change.id.destination}/${change.id.prefixLength}`
    default:
      return change satisfies never
  }
}

function valueText(change: Change, value: Change['before']): string | null {
  if (value === null) return null
  if (typeof value === 'string') return value
  if ('content' in value) return value.content
  if ('type' in value)
    return `dev ${value.link ?? 'none'}${value.gateway === undefined ? '' : ` via ${value.gateway}`} proto ${value.protocol}`
  return change.kind === 'address'
    ? `dev ${change.id.link}${value.label === undefined ? '' : ` label ${value.label}`}`
    : null
}
