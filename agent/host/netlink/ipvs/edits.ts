import { AgentError } from '../../../errors.ts'
import { destinationText, type ServiceKey, serviceText, type VirtualService } from '../../../model/ipvs.ts'
import { whyNotDestination, whyNotKey, whyNotService } from '../../../model/ipvs-limits.ts'
import type { IpvsEdit } from '../../ipvs.ts'
import type { NetlinkRequest } from '../connection.ts'
import type { BatchRejection } from '../rejection.ts'
import type { Attribute } from '../wire.ts'
import {
  encodeCommand,
  IPVS_CMD_DEL_DEST,
  IPVS_CMD_DEL_SERVICE,
  IPVS_CMD_FLUSH,
  IPVS_CMD_NEW_DEST,
  IPVS_CMD_NEW_SERVICE,
  IPVS_CMD_SET_DEST,
  IPVS_CMD_SET_SERVICE,
} from './commands.ts'
import { encodeDestination, encodeDestinationKey } from './destination.ts'
import { encodeService, encodeServiceKey } from './service.ts'

/** The requests that make the edits, in their order. Throws for an edit that cannot be, before any is sent. */
export function requestsOf(edits: readonly IpvsEdit[], family: number): NetlinkRequest[] {
  let last: { key: ServiceKey; attribute: Attribute } | undefined
  // Many destinations of one service follow each other.
  const encodeKey = (key: ServiceKey): Attribute => {
    if (last?.key !== key) last = { key, attribute: encodeServiceKey(key) }
    return last.attribute
  }
  return edits.map(edit => {
    const why = whyNot(edit)
    if (why !== null)
      throw new AgentError('failed', `cannot ${describeEdit(edit)}: ${why}`, 'see `man ipvsadm`')
    return { type: family, flags: 0, body: encodeEdit(edit, encodeKey) }
  })
}

/** What a person is told when the kernel refused some of the edits. */
export function explainEdits(rejection: BatchRejection, edits: readonly IpvsEdit[]): AgentError {
  const [first, ...others] = rejection.rejections
  const edit = first === undefined ? undefined : edits[first.index]
  if (first === undefined || edit === undefined)
    return new AgentError('failed', rejection.message, '', rejection)
  const { code } = first.cause
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`
  const message = `cannot ${describeEdit(edit)}: ${first.cause.message}${more}`
  if (code === 'EPERM') return new AgentError('missing-capability', message, 'needs CAP_NET_ADMIN', rejection)
  if (code === 'ENOENT' && 'service' in edit)
    return new AgentError('unsupported', message, moduleHint(edit.service), rejection)
  return new AgentError('failed', message, HINTS[code] ?? 'see `ipvsadm -Ln`', rejection)
}

function whyNot(edit: IpvsEdit): string | null {
  switch (edit.edit) {
    case 'add-service':
    case 'edit-service':
      return whyNotService(edit.service)
    case 'add-destination':
    case 'edit-destination':
      return whyNotKey(edit.key) ?? whyNotDestination(edit.destination, edit.key)
    case 'delete-service':
    case 'delete-destination':
      return whyNotKey(edit.key)
    case 'flush':
      return null
    default:
      return edit satisfies never
  }
}

function encodeEdit(edit: IpvsEdit, encodeKey: (key: ServiceKey) => Attribute): Buffer {
  switch (edit.edit) {
    case 'add-service':
      return encodeCommand(IPVS_CMD_NEW_SERVICE, encodeService(edit.service))
    case 'edit-service':
      return encodeCommand(IPVS_CMD_SET_SERVICE, encodeService(edit.service))
    case 'delete-service':
      return encodeCommand(IPVS_CMD_DEL_SERVICE, encodeKey(edit.key))
    case 'add-destination':
      return encodeCommand(IPVS_CMD_NEW_DEST, encodeKey(edit.key), encodeDestination(edit.destination))
    case 'edit-destination':
      return encodeCommand(IPVS_CMD_SET_DEST, encodeKey(edit.key), encodeDestination(edit.destination))
    case 'delete-destination':
      return encodeCommand(IPVS_CMD_DEL_DEST, encodeKey(edit.key), encodeDestinationKey(edit.destination))
    case 'flush':
      return encodeCommand(IPVS_CMD_FLUSH)
    default:
      return edit satisfies never
  }
}

function describeEdit(edit: IpvsEdit): string {
  switch (edit.edit) {
    case 'add-service':
      return `add the service ${serviceText(edit.service.key)}`
    case 'edit-service':
      return `change the service ${serviceText(edit.service.key)}`
    case 'delete-service':
      return `remove the service ${serviceText(edit.key)}`
    case 'add-destination':
      return `add the real server ${destinationText(edit.destination)} to ${serviceText(edit.key)}`
    case 'edit-destination':
      return `change the real server ${destinationText(edit.destination)} of ${serviceText(edit.key)}`
    case 'delete-destination':
      return `remove the real server ${destinationText(edit.destination)} from ${serviceText(edit.key)}`
    case 'flush':
      return 'remove all services'
    default:
      return edit satisfies never
  }
}

/** The kernel has looked for the modules itself, and does not say which it missed. */
function moduleHint({ scheduler, persistenceEngine }: VirtualService): string {
  const modules = [
    `ip_vs_${scheduler}`,
    ...(persistenceEngine === null ? [] : [`ip_vs_pe_${persistenceEngine}`]),
  ]
  return `this kernel has no module for it: \`modprobe ${modules.join(' ')}\` says why`
}

const HINTS: Record<string, string> = {
  EEXIST: 'something else put it there in the meantime: run the command again',
  ESRCH: 'something else removed the service in the meantime: run the command again',
  ENOENT: 'something else removed it in the meantime: run the command again',
  // Of a request that passed our own checks.
  EINVAL:
    'a real server needs a unicast address (IPv6: not link-local); beside a sync daemon, one of the service’s family',
  EAFNOSUPPORT: 'this kernel has no IPv6, or it is switched off',
  ENOMEM: 'the kernel is out of memory',
  ENOBUFS: 'the kernel is out of memory',
}
