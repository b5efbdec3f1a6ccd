import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { AgentError, messageOf } from '../errors.ts'
import { type Files, removeEmptyFolder, syncFolder } from '../host/files.ts'
import type { IpAddress } from '../model/address.ts'
import { JOURNAL_PATH, STATE_FOLDER } from './journal.ts'
import type { Prior } from './step.ts'

export const STATE_PATH = `${STATE_FOLDER}/state.json`
const FORMAT = 1

/** What rs-agent remembers of this host between runs. */
export interface State {
  /** VIPs that the last apply bound. */
  vips: IpAddress[]
  /** What remove goes back to. */
  priors: Prior[]
  lastApply: { at: string; changes: number } | null
}

export const NOTHING_MANAGED: State = { vips: [], priors: [], lastApply: null }

/** Of the file as conf wrote it; conf itself costs 60 ms of start-up and is loaded only to write. */
export function readState(files: Files): State {
  const form = files.read(STATE_PATH)
  if (form === null) return NOTHING_MANAGED
  const where = join(files.root, STATE_PATH)
  let parsed: { format?: unknown } & State
  try {
    parsed = JSON.parse(form.content)
  } catch (cause) {
    throw new AgentError(
      'failed',
      `${where} is not JSON: ${messageOf(cause)}`,
      whatWithoutState(where),
      cause,
    )
  }
  if (
    parsed === null ||
    parsed.format !== FORMAT ||
    !Array.isArray(parsed.priors) ||
    !Array.isArray(parsed.vips)
  )
    throw new AgentError(
      'failed',
      `${where} was not written by this version of rs-agent`,
      whatWithoutState(where),
    )
  return { vips: parsed.vips, priors: parsed.priors, lastApply: parsed.lastApply }
}

/** Replaces the state as a whole, on the disk when it resolves. */
export async function writeState(files: Files, state: State): Promise<void> {
  const folder = join(files.root, STATE_FOLDER)
  try {
    mkdirSync(folder, { recursive: true })
    chmodSync(folder, 0o700)
    const { default: Conf } = await import('conf')
    const conf = new Conf<Record<string, unknown>>({
      cwd: folder,
      configName: 'state',
      configFileMode: 0o600,
      accessPropertiesByDotNotation: false,
      schema: SCHEMA,
      ajvOptions: { allowUnionTypes: true },
    })
    conf.store = { format: FORMAT, ...state }
    syncFolder(folder)
  } catch (cause) {
    throw new AgentError(
      'failed',
      `cannot write ${join(files.root, STATE_PATH)}: ${messageOf(cause)}`,
      'check the file system',
      cause,
    )
  }
}

/** Leaves nothing of rs-agent's memory behind. */
export function forgetState(files: Files): void {
  files.remove(STATE_PATH)
  files.remove(JOURNAL_PATH)
  removeEmptyFolder(join(files.root, STATE_FOLDER))
}

function whatWithoutState(where: string): string {
  return `without it, remove does not know what was there before: restore ${where}, or delete it to start anew`
}

const TEXT = { type: 'string' } as const
const SCHEMA = {
  format: { const: FORMAT },
  vips: { type: 'array', items: TEXT },
  priors: {
    type: 'array',
    items: {
      type: 'object',
      required: ['resource', 'kind', 'id', 'value'],
      properties: {
        resource: TEXT,
        kind: { enum: ['sysctl', 'address', 'route', 'file'] },
        id: { type: 'object' },
        value: { type: ['object', 'string', 'null'] },
      },
    },
  },
  lastApply: {
    type: ['object', 'null'],
    required: ['at', 'changes'],
    properties: { at: TEXT, changes: { type: 'integer', minimum: 0 } },
  },
} as const
