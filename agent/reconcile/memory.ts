import { AgentError } from '../errors.ts'
import type { Setting } from './setting.ts'

/** The format of the state and the journal; another version of rs-agent may have written another one. */
export const FORMAT = 1

const IDENTITY: Record<Setting['kind'], string[]> = {
  sysctl: ['path'],
  address: ['link', 'address', 'prefixLength'],
  route: ['destination', 'prefixLength', 'metric'],
  file: ['path'],
  site: ['server', 'path'],
  'unit-file': ['path'],
  folder: ['path'],
  mount: ['target'],
  'fstab-line': ['target'],
  'boot-unit': ['name'],
  'web-server': ['server'],
  'ipvs-service': ['key'],
  'ipvs-destination': ['key', 'address', 'port'],
  'ipvs-timeout': ['name'],
  'sync-daemon': ['role'],
}

/** A memory that is there and cannot be used. */
export class DamagedMemory extends AgentError {
  override name = 'DamagedMemory'
}

export const SETTING_KINDS = Object.keys(IDENTITY)

/**
 * Parses what rs-agent remembers. A memory that cannot be read is an error, never an empty one: without it
 * nobody knows what was there before the first apply.
 */
export function parseMemory<T>(text: string, where: string, isWhole: (value: Partial<T>) => boolean): T {
  let value: Partial<T> & { format?: unknown }
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw unreadable(where, 'it is not JSON, or was cut off', cause)
  }
  if (typeof value !== 'object' || value === null || value.format !== FORMAT)
    throw unreadable(where, 'it was not written by this version of rs-agent')
  if (!isWhole(value)) throw unreadable(where, 'a part of it is missing or changed')
  return value as T
}

/** Whether a value has the kind and the identity of a setting. */
export function isSetting(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || !('kind' in value) || !('id' in value)) return false
  const fields = IDENTITY[value.kind as Setting['kind']]
  const { id } = value
  return fields !== undefined && typeof id === 'object' && id !== null && fields.every(field => field in id)
}

export function isListOfTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every(item => typeof item === 'string')
}

function unreadable(where: string, why: string, cause?: unknown): DamagedMemory {
  const hint = `nothing was touched. It holds what was there before the first apply: restore ${where}, or delete it to start anew`
  return new DamagedMemory('failed', `cannot use ${where}: ${why}`, hint, cause)
}
