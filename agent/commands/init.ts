import { lstatSync, readFileSync } from 'node:fs'
import * as v from 'valibot'
import { parse } from 'yaml'
import { configuration } from '../config/schema.ts'
import { AgentError } from '../errors.ts'
import { filesBelow } from '../host/files.ts'
import { adviseOnHost, adviseOnLines } from '../init/advice.ts'
import type { Answers } from '../init/answers.ts'
import { completeAnswers, type Told } from '../init/interview.ts'
import { openQuestions } from '../init/questions.ts'
import { renderConfiguration } from '../init/render.ts'
import { type Survey, surveyHost } from '../init/survey.ts'
import { tellInit } from '../report/init.ts'
import { configFileOf, type Invocation, withHost } from './invocation.ts'

export interface InitOptions extends Told {
  yes: boolean
  force: boolean
}

/** Writes a configuration from options, answers, and what this host has already; changes nothing else. */
export async function initCommand(invocation: Invocation, options: InitOptions): Promise<number> {
  const { terminal } = invocation
  const file = configFileOf(invocation)
  if (!options.force && saysSomething(file))
    throw new AgentError(
      'failed',
      `${file} is there already, and was left as it is`,
      '`rs-agent plan` tells what it means for this host; `--force` replaces it, with a copy kept',
    )
  const survey = await withHost(invocation, surveyHost)
  const answers = await answersOf(
    options,
    survey,
    process.stdin.isTTY && process.stderr.isTTY && !terminal.json,
  )
  const text = renderConfiguration(answers)
  refuseInvalid(text)
  const copy = write(file, text)
  return tellInit(terminal, {
    file,
    copy,
    role: answers.role,
    vips: answers.vips,
    text,
    notes: adviseOnHost(survey, answers),
    options: [
      ...(invocation.root === '/' ? [] : ['--root', invocation.root]),
      ...(invocation.configFile === undefined ? [] : ['--config', invocation.configFile]),
    ],
    lines: adviseOnLines(survey, answers),
  })
}

/** Not so the file of a package, in which all is a comment. */
function saysSomething(file: string): boolean {
  const found = lstatSync(file, { throwIfNoEntry: false })
  if (found === undefined) return false
  try {
    return !found.isFile() || parse(readFileSync(file, 'utf8')) !== null
  } catch {
    return true
  }
}

async function answersOf(options: InitOptions, survey: Survey, hasTerminal: boolean): Promise<Answers> {
  if (options.yes) return completeAnswers(options, survey, null)
  if (!hasTerminal) {
    if (options.role !== undefined && options.vip !== undefined) return completeAnswers(options, survey, null)
    throw new AgentError(
      'usage',
      'there is no terminal to ask on, and neither --role with --vip nor --yes was said',
      '`--yes` takes over what was found on this host; `rs-agent init --help` shows examples',
    )
  }
  const questions = openQuestions()
  try {
    return await completeAnswers(options, survey, questions)
  } finally {
    questions.close()
  }
}

/** By the rules of the file itself, such as that a director is not a VIP. */
function refuseInvalid(text: string): void {
  const result = v.safeParse(configuration, parse(text))
  if (result.success) return
  const problems = result.issues.map(({ message, path = [] }) => {
    const name = path.map(({ key }) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('')
    return `${name.slice(1)}: expected ${message}`
  })
  throw new AgentError('config-invalid', problems.join('\n'), 'nothing was written; correct what was said')
}

/** Returns where the copy of what was there before lies; null when nothing was. */
function write(file: string, text: string): string | null {
  const files = filesBelow('/')
  const path = file.slice(1)
  const before = files.read(path)
  // Readable for everybody: there is no secret in it, and `rs-agent plan` needs no rights.
  const form = { mode: 0o644, uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 }
  const copy = before === null ? null : `${path}.before-init-${new Date().toISOString()}`
  if (before !== null && copy !== null) files.write(copy, before)
  files.write(path, { ...form, content: text })
  return copy === null ? null : `/${copy}`
}
