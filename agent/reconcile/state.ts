import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { AgentError, messageOf } from '../errors.ts'
import { type Files, removeEmptyFolder, syncFolder } from '../host/files.ts'
import type { SysctlPath } from '../host/sysctl.ts'
import type { IpAddress } from '../model/address.ts'
import { journalPath, STATE_FOLDER } from './journal.ts'
import { FORMAT, isListOfTexts, isSetting, parseMemory, SETTING_KINDS } from './memory.ts'
import type { Role } from './role.ts'
import type { Prior } from './step.ts'

/** What rs-agent remembers of this host between runs. */
export interface State {
  /** VIPs of the role, as the last apply knew them. */
  vips: IpAddress[]
  /** Kernel parameters that the role needs as they are, whoever set them. */
  needs: SysctlPath[]
  /** What remove goes back to. */
  priors: Prior[]
  lastApply: { at: string; changes: number } | null
  /** Packages that apply installed. */
  packages: string[]
}

/** What the service had in use last, for a boot at which the file is broken. */
export const LAST_GOOD_CONFIG = `${STATE_FOLDER}/last-good-config.yaml`

export const NOTHING_MANAGED: State = { vips: [], needs: [], priors: [], lastApply: null, packages: [] }

/** Of the file as conf wrote it; conf itself costs 60 ms of start-up and is loaded only to write. */
export function readState(files: Files, role: Role): State {
  const path = statePath(role)
  const form = files.read(path)
  if (form === null) return NOTHING_MANAGED
  const {
    vips,
    needs,
    priors,
    lastApply,
    // Of a version that installed none.
    packages = [],
  } = parseMemory<State>(
    form.content,
    join(files.root, path),
    ({ vips, needs, priors, lastApply, packages = [] }) =>
      isListOfTexts(vips) &&
      isListOfTexts(needs) &&
      isListOfTexts(packages) &&
      Array.isArray(priors) &&
      priors.every(prior => isSetting(prior) && isListOfTexts(prior.sources ?? [])) &&
      lastApply !== undefined,
  )
  return { vips, needs, priors, lastApply, packages }
}

/** Replaces the state as a whole, on the disk when it resolves. */
export async function writeState(files: Files, role: Role, state: State): Promise<void> {
  const folder = join(files.root, STATE_FOLDER)
  try {
    mkdirSync(folder, { recursive: true })
    chmodSync(folder, 0o700)
    const { default: Conf } = await import('conf')
    const conf = new Conf<Record<string, unknown>>({
      cwd: folder,
      configName: role.stateName,
      configFileMode: 0o600,
      accessPropertiesByDotNotation: false,
      schema: SCHEMA,
      // Checking our own schema against the schema of schemas takes 50 ms, and it does not change.
      ajvOptions: { allowUnionTypes: true, meta: false, validateSchema: false },
    })
    conf.store = { format: FORMAT, ...state }
    syncFolder(folder)
  } catch (cause) {
    throw new AgentError(
      'failed',
      `cannot write ${join(files.root, statePath(role))}: ${messageOf(cause)}`,
      'check the file system',
      cause,
    )
  }
}

/** Leaves nothing of rs-agent's memory of the role behind. */
export function forgetState(files: Files, role: Role): void {
  files.remove(statePath(role))
  files.remove(journalPath(role))
  // The other role's next start writes it again.
  files.remove(LAST_GOOD_CONFIG)
  // What a write that was killed left beside the state.
  for (const name of files.list(STATE_FOLDER))
    if (name.startsWith(`${role.stateName}.json.tmp-`)) files.remove(`${STATE_FOLDER}/${name}`)
  removeEmptyFolder(join(files.root, STATE_FOLDER))
}

export function statePath({ stateName }: Role): string {
  return `${STATE_FOLDER}/${stateName}.json`
}

const TEXT = { type: 'string' } as const
const SCHEMA = {
  format: { const: FORMAT },
  vips: { type: 'array', items: TEXT },
  needs: { type: 'array', items: TEXT },
  packages: { type: 'array', items: TEXT },
  priors: {
    type: 'array',
    items: {
      type: 'object',
      required: ['resource', 'kind', 'id', 'value', 'onRemove'],
      properties: {
        resource: TEXT,
        onRemove: { enum: ['put-back', 'tell'] },
        kind: { enum: SETTING_KINDS },
        id: { type: 'object' },
        value: { type: ['object', 'string', 'null'] },
        sources: { type: 'array', items: TEXT },
      },
    },
  },
  lastApply: {
    type: ['object', 'null'],
    required: ['at', 'changes'],
    properties: { at: TEXT, changes: { type: 'integer', minimum: 0 } },
  },
} as const
