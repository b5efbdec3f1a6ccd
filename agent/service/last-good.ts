import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Config, loadConfig } from '../config/load.ts'
import { AgentError, messageOf } from '../errors.ts'
import { fileStamp } from '../host/file-stamp.ts'
import type { Files } from '../host/files.ts'
import { LAST_GOOD_CONFIG } from '../reconcile/state.ts'

/** The configuration as a service reads it. */
export interface ConfigSource {
  /** Throws AgentError when the file is wrong, but for a file that was wrong from the start: then the last good one is used. */
  load(): Config
  /** Text that differs when the file has changed. */
  stamp(): string
  /** Why the last good one is used; null when it is not. */
  refused(): string | null
}

/**
 * A file that somebody has spoiled before a reboot must not leave a site without its VIPs: what was good last is kept
 * beside the state, and stands in for it until the file has changed. Throws when there is none.
 */
export function openConfigSource(files: Files, file: string, load: () => Config): ConfigSource {
  const stamp = (): string => fileStamp(file)
  const spoilt = whySpoilt(load)
  const standIn = spoilt === null ? null : { config: loadLastGood(files, spoilt), stamp: stamp() }
  return {
    load() {
      if (standIn !== null && standIn.stamp === stamp()) return standIn.config
      const config = load()
      keepLastGood(files, file)
      return config
    },
    stamp,
    refused: () => (standIn !== null && standIn.stamp === stamp() ? messageOf(spoilt) : null),
  }
}

function whySpoilt(load: () => Config): AgentError | null {
  try {
    load()
    return null
  } catch (error) {
    if (error instanceof AgentError && error.code === 'config-invalid') return error
    throw error
  }
}

/** What is wrong with the file counts when there is no other. */
function loadLastGood(files: Files, spoilt: AgentError): Config {
  try {
    return loadConfig(join(files.root, LAST_GOOD_CONFIG))
  } catch {
    throw spoilt
  }
}

/** A disk that is full is no reason to refuse a good file. */
function keepLastGood(files: Files, file: string): void {
  try {
    const content = readFileSync(file, 'utf8')
    if (files.read(LAST_GOOD_CONFIG)?.content === content) return
    const owner = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 }
    files.write(LAST_GOOD_CONFIG, { content, mode: 0o600, ...owner })
  } catch {
    return
  }
}
