import { type Change, keyOf } from '../../reconcile/setting.ts'
import type { Step } from '../../reconcile/step.ts'
import { isRightlyBound } from '../vip-address.ts'

/** What was put right, for the log: the VIP or the NIC's parameter first. */
export function subjectOf({ change }: Pick<Step, 'change'>): string {
  switch (change.kind) {
    case 'sysctl':
      return change.id.path
    case 'address':
      return `${change.id.address}/${change.id.prefixLength} on ${change.id.link}`
    case 'route':
      return `route to ${change.id.destination}/${change.id.prefixLength}`
    case 'file':
    case 'site':
    case 'unit-file':
      return `/${change.id.path}`
    case 'mount':
      return change.id.target
    case 'web-server':
      return change.id.server
    default:
      return keyOf(change)
  }
}

export function repairText({ change }: Pick<Step, 'change'>): string {
  switch (change.kind) {
    case 'sysctl':
      return `had become ${change.before ?? 'nothing'}: ${change.after ?? 'nothing'} again`
    case 'address':
      if (change.after !== null) return 'had gone: bound again'
      return isRightlyBound(change.id) ? 'unbound' : 'taken away: a VIP belongs on lo alone'
    case 'mount':
      return change.after === null ? 'unmounted' : 'mounted again'
    case 'web-server':
      return change.after?.running === true ? 'started again' : 'stopped'
    default:
      return change.after === null ? 'taken away' : whatHappened(change)
  }
}

function whatHappened({ before }: Change): string {
  return before === null ? 'had gone: there again' : 'was changed: as it was again'
}
