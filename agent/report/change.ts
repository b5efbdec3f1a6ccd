import { destinationText, serviceText } from '../model/ipvs.ts'
import type { Change, DestinationForm, ServiceForm, Setting } from '../reconcile/setting.ts'
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

/** A kernel module that is loaded, and stays. */
export function moduleReport({ name, neededBy }: { name: string; neededBy: string }): ChangeReport {
  return { id: 'kernel-module', action: 'create', subject: name, before: null, after: `for ${neededBy}` }
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
    case 'ipvs-service':
      return serviceText(change.id.key)
    case 'ipvs-destination':
      return `${destinationText(change.id)} of ${serviceText(change.id.key)}`
    case 'ipvs-timeout':
      return `${change.id.name.replace('Seconds', '')} timeout`
    case 'sync-daemon':
      return `sync daemon ${change.id.role}`
    default:
      return change satisfies never
  }
}

/** Type and value belong together, which TypeScript cannot see in two variables. */
function valueText(change: Change, value: Change['before']): string | null {
  if (value === null) return null
  const setting = { kind: change.kind, id: change.id, value } as Exclude<Setting, { value: null }>
  return textOf(setting)
}

function textOf(setting: Setting): string | null {
  if (setting.value === null) return null
  switch (setting.kind) {
    case 'sysctl':
      return setting.value
    case 'file':
      return setting.value.content
    case 'address':
      return `dev ${setting.id.link}${setting.value.label === undefined ? '' : ` label ${setting.value.label}`}`
    case 'route': {
      const { link, gateway, protocol } = setting.value
      return `dev ${link ?? 'none'}${gateway === undefined ? '' : ` via ${gateway}`} proto ${protocol}`
    }
    case 'ipvs-service':
      return serviceFormText(setting.value)
    case 'ipvs-destination':
      return destinationFormText(setting.value)
    case 'ipvs-timeout':
      return `${setting.value} s`
    case 'sync-daemon':
      return `on ${setting.value.interface} id ${setting.value.syncId}`
    default:
      return setting satisfies never
  }
}

function serviceFormText({
  scheduler,
  schedulerFlags,
  onePacket,
  persistence,
  persistenceEngine,
}: ServiceForm) {
  return [
    scheduler,
    ...schedulerFlags,
    ...(onePacket ? ['one-packet'] : []),
    ...(persistence === null
      ? []
      : [`persistent ${persistence.timeoutSeconds} s per ${persistence.netmask}`]),
    ...(persistenceEngine === null ? [] : [`engine ${persistenceEngine}`]),
  ].join(' ')
}

function destinationFormText({ forwarding, weight, upperThreshold, lowerThreshold }: DestinationForm) {
  const tunnel = forwarding.method === 'tunnel' ? ` ${forwarding.tunnel.type}` : ''
  const limits = upperThreshold === 0 ? '' : ` limits ${lowerThreshold}-${upperThreshold}`
  return `${forwarding.method}${tunnel} weight ${weight}${limits}`
}
