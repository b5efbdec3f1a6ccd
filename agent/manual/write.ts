import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildProgram } from '../command-line/program.ts'
import { configuration } from '../config/schema.ts'
import { EXAMPLES } from '../init/examples.ts'
import { VERSION } from '../version.ts'
import { readCommandTree } from './command-tree.ts'
import { bashCompletions } from './completions/bash.ts'
import { fishCompletions } from './completions/fish.ts'
import { zshCompletions } from './completions/zsh.ts'
import { commandPage } from './pages/command-page.ts'
import { configurationKeys } from './pages/configuration-keys.ts'
import { configurationPage } from './pages/configuration-page.ts'

/** The day of this version, beside its number: to be changed with it. */
const EDITION = { version: VERSION, date: '2026-11-29' }

/** Writes completions/ and man/ into the folder: at build time, so that no start-up pays for them. */
export function writeManual(folder: string): void {
  const program = readCommandTree(buildProgram(async () => undefined))
  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text)
  for (const each of ['completions', 'man']) mkdirSync(join(folder, each), { recursive: true })
  write('completions/rs-agent.bash', bashCompletions(program))
  write('completions/rs-agent.zsh', zshCompletions(program))
  write('completions/rs-agent.fish', fishCompletions(program))
  write('man/rs-agent.1', commandPage(program, EDITION))
  write('man/rs-agent.yaml.5', configurationPage(configurationKeys(configuration), EXAMPLES, EDITION))
}
