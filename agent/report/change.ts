import type { WebServerForm } from '../host/web-servers.ts'
import { FSTAB } from '../model/fstab.ts'
import { destinationText, serviceText } from '../model/ipvs.ts'
import type { Change, DestinationForm, ServiceForm, Setting } from '../reconcile/setting.ts'
import type { Step } from '../reconcile/step.ts'

/** A step as `plan` and `apply` print it in JSON. */
export interface ChangeReport {
  id: string
  action: 'create' | 'update' | 'delete' | 'start' | 'install'
  subject: string
  before: string | null
  after: string | null
}

export function reportChange({ resource, change }: Step): ChangeReport {
  const before = valueText(change, change.before)
  const after = valueText(change, change.after)
  return { id: resource, action: actionOf(change), subject: subjectOf(change), before, after }
}

function actionOf(change: Change): ChangeReport['action'] {
  if (change.kind === 'web-server' && change.before?.running !== true && change.after?.running === true)
    return 'start'
  return change.after === null ? 'delete' : change.before === null ? 'create' : 'update'
}

/** A kernel module that is loaded, and stays. */
export function moduleReport({ name, neededBy }: { name: string; neededBy: string }): ChangeReport {
  return { id: 'kernel-module', action: 'create', subject: name, before: null, after: `for ${neededBy}` }
}

/** A package that is installed, and stays. */
export function packageReport(name: string): ChangeReport {
  return { id: 'packages', action: 'install', subject: name, before: null, after: 'installed' }
}

export function purgeReport(name: string): ChangeReport {
  return { id: 'packages', action: 'delete', subject: name, before: 'installed', after: null }
}

function subjectOf(change: Change): string {
  switch (change.kind) {
    case 'sysctl':
      return change.id.path
    case 'file':
    case 'site':
    case 'unit-file':
      return `/${change.id.path}`
    case 'folder':
      return `folder ${change.id.path}`
    case 'mount':
      return change.id.target
    case 'fstab-line':
      return `line for ${change.id.target} in /${FSTAB}`
    case 'boot-unit':
      return change.id.name
    case 'web-server':
      return change.id.server
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
    case 'site':
    case 'unit-file':
      return setting.value.content
    case 'folder':
    case 'fstab-line':
    case 'boot-unit':
      return setting.value
    case 'mount':
      return `${setting.value.source} type ${setting.value.type} (${setting.value.options})`
    case 'web-server':
      return webServerText(setting.value)
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

function webServerText({ enabled, running, site }: WebServerForm): string {
  const state = running
    ? site === null
      ? 'runs without our site'
      : `serves our site ${site.revision}`
    : 'stopped'
  return enabled ? `${state}, started at boot` : state
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
