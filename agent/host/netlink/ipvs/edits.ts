import { AgentError } from '../../../errors.ts'
import { destinationText, type ServiceKey, serviceText, type VirtualService } from '../../../model/ipvs.ts'
import { whyNotDestination, whyNotKey, whyNotService } from '../../../model/ipvs-limits.ts'
import type { IpvsEdit } from '../../ipvs.ts'
import type { NetlinkBody, NetlinkRequest } from '../connection.ts'
import type { BatchRejection } from '../rejection.ts'
import { bytesOf } from '../wire.ts'
import {
  commandWords,
  IPVS_CMD_DEL_DEST,
  IPVS_CMD_DEL_SERVICE,
  IPVS_CMD_FLUSH,
  IPVS_CMD_NEW_DEST,
  IPVS_CMD_NEW_SERVICE,
  IPVS_CMD_SET_DEST,
  IPVS_CMD_SET_SERVICE,
} from './commands.ts'
import { DestinationRequest, destinationForm } from './destination.ts'
import { encodeService, encodeServiceKey } from './service.ts'

/** Throws for an edit that cannot be. */
export function checkEdits(edits: readonly IpvsEdit[]): void {
  // Many destinations of one service follow each other.
  let checked: ServiceKey | undefined
  for (const edit of edits) {
    const key = 'key' in edit ? edit.key : undefined
    const why = (key === undefined || key === checked ? null : whyNotKey(key)) ?? whyNot(edit)
    checked = key
    if (why !== null)
      throw new AgentError('failed', `cannot ${describeEdit(edit)}: ${why}`, 'see `man ipvsadm`')
  }
}

/** The requests that make the edits, in their order, each made when it is asked for. */
export function* requestsOf(edits: readonly IpvsEdit[], family: number): Generator<NetlinkRequest> {
  const formOf = rememberForm()
  for (const edit of edits) yield { type: family, flags: 0, body: encodeEdit(edit, formOf) }
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
      return whyNotDestination(edit.destination, edit.key)
    case 'delete-service':
    case 'delete-destination':
    case 'flush':
      return null
    default:
      return edit satisfies never
  }
}

type DestinationEdit = Extract<IpvsEdit, { edit: `${string}-destination` }>
type FormOf = (edit: DestinationEdit) => Uint32Array

function rememberForm(): FormOf {
  let last: { edit: IpvsEdit['edit']; key: ServiceKey; form: Uint32Array } | undefined
  return ({ edit, key }) => {
    if (last?.edit !== edit || last.key !== key)
      last = { edit, key, form: destinationForm(COMMANDS[edit], key) }
    return last.form
  }
}

function encodeEdit(edit: IpvsEdit, formOf: FormOf): Buffer | NetlinkBody {
  switch (edit.edit) {
    case 'add-service':
    case 'edit-service':
      return encodeService(COMMANDS[edit.edit], edit.service)
    case 'delete-service':
      return bytesOf(encodeServiceKey(COMMANDS[edit.edit], edit.key))
    case 'add-destination':
    case 'edit-destination':
    case 'delete-destination':
      return new DestinationRequest(formOf(edit), edit.destination)
    case 'flush':
      return bytesOf(COMMANDS[edit.edit])
    default:
      return edit satisfies never
  }
}

const COMMANDS: Record<IpvsEdit['edit'], Uint32Array> = {
  'add-service': commandWords(IPVS_CMD_NEW_SERVICE),
  'edit-service': commandWords(IPVS_CMD_SET_SERVICE),
  'delete-service': commandWords(IPVS_CMD_DEL_SERVICE),
  'add-destination': commandWords(IPVS_CMD_NEW_DEST),
  'edit-destination': commandWords(IPVS_CMD_SET_DEST),
  'delete-destination': commandWords(IPVS_CMD_DEL_DEST),
  flush: commandWords(IPVS_CMD_FLUSH),
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
