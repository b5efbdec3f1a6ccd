import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect } from 'vitest'
import { type Config, loadConfig } from '../../agent/config/load.ts'
import { AgentError } from '../../agent/errors.ts'

export interface ConfigText {
  readonly folder: string
  readonly file: string
  load(text: string | Uint8Array): Config
  /** The lines of the error, with the file's name taken off; fails the test when the text is taken. */
  problems(text: string | Uint8Array): string[]
  /** Anything but a configuration or an error that says where is a failure. */
  loadOrLocate(text: string): Config | null
}

/** A configuration file of its own for each test. */
export function configText(): ConfigText {
  let folder = ''
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rs-agent-config-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))
  const fileIn = (): string => join(folder, 'config.yaml')
  const load = (text: string | Uint8Array): Config => {
    writeFileSync(fileIn(), text, { mode: 0o600 })
    return loadConfig(fileIn())
  }
  const refusal = (text: string | Uint8Array): AgentError | null => {
    try {
      load(text)
    } catch (error) {
      if (!(error instanceof AgentError)) throw error
      expect(error.exitStatus).toBe(65)
      expect(error.hint).not.toBe('')
      return error
    }
    return null
  }
  return {
    get folder() {
      return folder
    },
    get file() {
      return fileIn()
    },
    load,
    problems(text) {
      const error = refusal(text) ?? expect.fail('it was taken')
      return error.message.split('\n').map(line => line.replace(fileIn(), 'FILE'))
    },
    loadOrLocate(text) {
      const error = refusal(text)
      if (error === null) return loadConfig(fileIn())
      expect(error.message).toContain(`${fileIn()}:`)
      return null
    },
  }
}
