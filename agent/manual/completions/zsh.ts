import {
  type ArgumentNode,
  allCommands,
  type CommandNode,
  type OptionNode,
  type Values,
} from '../command-tree.ts'
import { quoted } from './shell-words.ts'

/** Completions for zsh, by its own _arguments: a function for each command. */
export function zshCompletions(program: CommandNode): string {
  return `#compdef rs-agent
# Completions of rs-agent for zsh, made from its command line: do not edit.

${allCommands(program)
  .map(command => functionOf(command, program))
  .join('\n')}
_rs_agent_nics() {
  local -a nics=(/sys/class/net/*(N:t))
  compadd -a nics
}

# Called for a completion, or read by a start-up file.
if [[ $funcstack[1] == _rs-agent ]]; then
  _rs_agent "$@"
else
  compdef _rs_agent rs-agent
fi
`
}

function functionOf(command: CommandNode, program: CommandNode): string {
  const options = [...new Set([...command.options, ...program.options])].map(optionSpec)
  const specs = command.commands.length > 0 ? BELOW : command.arguments.map(argumentSpec)
  return `${functionName(command)}() {
  local curcontext=$curcontext state
  local -a line
  typeset -A opt_args
  _arguments -C -s \\
${[...options, ...specs].map(spec => `    ${spec}`).join(' \\\n')}
${command.commands.length > 0 ? choiceOf(command) : ''}}
`
}

const BELOW = [quoted('1: :->command'), quoted('*:: :->below')]

function choiceOf(command: CommandNode): string {
  return `  case $state in
    command)
      local -a commands=(
${command.commands.map(({ path, description }) => `        ${quoted(`${path.at(-1)}:${description.replaceAll(':', '\\:')}`)}`).join('\n')}
      )
      _describe -t commands command commands
      ;;
    below)
      case $line[1] in
${command.commands.map(each => `        ${each.path.at(-1)}) ${functionName(each)} ;;`).join('\n')}
      esac
      ;;
  esac
`
}

function functionName({ path }: CommandNode): string {
  return ['_rs_agent', ...path].join('_')
}

/** `'(-h --help)'{-h,--help}'[…]'`, or with a value `'--root[…]:dir:_files -/'`. */
function optionSpec({ names, placeholder, description, values }: OptionNode): string {
  const value = placeholder === null ? '' : `:${placeholder.slice(1, -1)}:${actionOf(values)}`
  const told = quoted(`[${escaped(description)}]${value}`)
  if (names.length === 1) return quoted(`${names[0]}[${escaped(description)}]${value}`)
  return `${quoted(`(${names.join(' ')})`)}{${names.join(',')}}${told}`
}

function argumentSpec({ placeholder, values }: ArgumentNode): string {
  const optional = placeholder.startsWith('[') ? ':' : ''
  return quoted(`:${optional}${placeholder.slice(1, -1)}:${actionOf(values)}`)
}

function actionOf(values: Values): string {
  switch (values.kind) {
    case 'words':
      return values.list === 'one'
        ? `(${values.words.join(' ')})`
        : `_values -s , check ${values.words.join(' ')}`
    case 'files':
      return '_files'
    case 'folders':
      return '_files -/'
    case 'nics':
      return '_rs_agent_nics'
    case 'free':
      return ' '
    default:
      return values satisfies never
  }
}

/** What would end the text in brackets, or begin the next part. */
function escaped(text: string): string {
  return text.replace(/[\\[\]:]/g, '\\$&')
}
