import type { Argument, Command, Option } from 'commander'
import { IMPORT_KINDS } from '../director/import/imported.ts'
import { CHECK_IDS as DIRECTOR_CHECK_IDS } from '../director/verify/check.ts'
import { CHECK_IDS } from '../realserver/verify/check.ts'

/**
 * The command line as plain data, for completions and manual pages: read from what --help is printed from, so that
 * they never say anything else.
 */
export interface CommandNode {
  /** Words after the program's name: `director`, `import`. Empty for the program itself. */
  path: readonly string[]
  /** Begins in lower case, without a full stop; the program's own is a sentence. */
  description: string
  options: OptionNode[]
  arguments: ArgumentNode[]
  commands: CommandNode[]
  /** What stands below the options in --help, heading included. */
  textAfter: string
}

export interface OptionNode {
  /** `--config`, `-V`. */
  names: string[]
  /** `<file>`; null for one that takes no value. */
  placeholder: string | null
  description: string
  /** In words; null where there is none to tell of. */
  defaultText: string | null
  values: Values
}

export interface ArgumentNode {
  /** `<vip>`, `[id]`. */
  placeholder: string
  description: string
  values: Values
}

/** What a shell may offer in the place of a value. */
export type Values =
  | { kind: 'words'; words: readonly string[]; list: 'one' | 'with commas' }
  | { kind: 'files' }
  | { kind: 'folders' }
  | { kind: 'nics' }
  /** Nothing that could be known: addresses, numbers. */
  | { kind: 'free' }

/** Every command below, itself first, in the order of --help. */
export function allCommands(command: CommandNode): CommandNode[] {
  return [command, ...command.commands.flatMap(allCommands)]
}

export function readCommandTree(command: Command, path: readonly string[] = []): CommandNode {
  return {
    path,
    description: command.description(),
    options: [...command.options.map(option => readOption(option, path)), HELP_OPTION],
    arguments: command.registeredArguments.map(argument => readArgument(argument, path)),
    commands: command.commands.map(each => readCommandTree(each, [...path, each.name()])),
    textAfter: textAfterHelp(command),
  }
}

/** Commander adds it when it prints. */
const HELP_OPTION: OptionNode = {
  names: ['-h', '--help'],
  placeholder: null,
  description: 'display help for command',
  defaultText: null,
  values: { kind: 'free' },
}

function readOption(option: Option, path: readonly string[]): OptionNode {
  const placeholder = /[<[].*$/.exec(option.flags)?.[0] ?? null
  const { defaultValue, defaultValueDescription } = option
  const defaultText = defaultValueDescription ?? (placeholder === null ? undefined : defaultValue)
  return {
    names: [option.short, option.long].filter(name => name !== undefined),
    placeholder,
    description: option.description,
    defaultText: defaultText === undefined ? null : String(defaultText),
    values: valuesOf(placeholder, option.argChoices, path),
  }
}

function readArgument(argument: Argument, path: readonly string[]): ArgumentNode {
  const placeholder = argument.required ? `<${argument.name()}>` : `[${argument.name()}]`
  return {
    placeholder,
    description: argument.description,
    values: valuesOf(placeholder, argument.argChoices, path),
  }
}

/** Commander hands it out only by printing it, below all the rest. */
function textAfterHelp(command: Command): string {
  const printed: string[] = []
  const output = command.configureOutput()
  command.configureOutput({ ...output, writeOut: text => void printed.push(text) })
  command.outputHelp()
  command.configureOutput(output)
  return printed.join('').slice(command.helpInformation().length).trim()
}

/** By what the placeholder is called: it says to people what is meant, and so it does here. */
function valuesOf(
  placeholder: string | null,
  choices: readonly string[] | undefined,
  [role]: readonly string[],
): Values {
  if (choices !== undefined) return { kind: 'words', words: choices, list: 'one' }
  const ofRole = role === 'director' ? DIRECTOR_CHECK_IDS : CHECK_IDS
  switch (placeholder?.slice(1, -1)) {
    case 'file':
      return { kind: 'files' }
    case 'dir':
      return { kind: 'folders' }
    case 'nic':
      return { kind: 'nics' }
    case 'ids':
      return { kind: 'words', words: ofRole, list: 'with commas' }
    case 'id':
      return { kind: 'words', words: [...new Set([...CHECK_IDS, ...DIRECTOR_CHECK_IDS])], list: 'one' }
    case 'kind':
      return { kind: 'words', words: IMPORT_KINDS, list: 'one' }
    default:
      return { kind: 'free' }
  }
}
