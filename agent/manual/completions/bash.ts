import { allCommands, type CommandNode, type Values } from '../command-tree.ts'
import { quoted, valueOptionNames } from './shell-words.ts'

/**
 * Completions for bash: one function that knows the whole tree, so that no process is started for them. Written
 * for bash alone, without the package bash-completion.
 */
export function bashCompletions(program: CommandNode): string {
  const commands = allCommands(program)
  return `# Completions of rs-agent for bash, made from its command line: do not edit.

_rs_agent() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]}
  local command= index place=0 options= commands=
  COMPREPLY=()

  # The command so far, and how many arguments it has already.
  for ((index = 1; index < COMP_CWORD; index++)); do
    case \${COMP_WORDS[index]} in
      ${valueOptionNames(program).join('|')}) ((index++)) ;;
      -*) ;;
      *)
        case $command/\${COMP_WORDS[index]} in
${commands
  .filter(({ path }) => path.length > 0)
  .map(({ path }) => `          ${quoted(callPattern(path))}) command=${quoted(path.join(' '))} ;;`)
  .join('\n')}
          *) ((place++)) ;;
        esac
        ;;
    esac
  done

  # The value of an option.
  case $command/$previous in
${commands.flatMap(optionValueCases).join('\n')}
  esac
  case $previous in
${program.options
  .filter(takesValue)
  .map(({ names, values }) => `    ${names.join('|')}) ${offer(values)}; return ;;`)
  .join('\n')}
  esac

  case $command in
${commands.map(commandCase).join('\n')}
  esac
  [[ $current == -* ]] && { _rs_agent_words "$options ${program.options.flatMap(({ names }) => names).join(' ')}"; return; }
  [[ -n $commands ]] && { _rs_agent_words "$commands"; return; }

  # An argument.
  case $command/$place in
${commands.flatMap(argumentCases).join('\n')}
  esac
}

_rs_agent_words() {
  mapfile -t COMPREPLY < <(compgen -W "$1" -- "$current")
}

# What stands before the last comma stays.
_rs_agent_list() {
  local before=
  [[ $current == *,* ]] && before=\${current%,*},
  mapfile -t COMPREPLY < <(compgen -P "$before" -W "$1" -- "\${current##*,}")
  compopt -o nospace 2>/dev/null
}

_rs_agent_paths() {
  mapfile -t COMPREPLY < <(compgen -A "$1" -- "$current")
  compopt -o filenames 2>/dev/null
}

_rs_agent_nics() {
  local nics=(/sys/class/net/*)
  _rs_agent_words "\${nics[*]##*/}"
}

complete -F _rs_agent rs-agent
`
}

/** A command that was reached, and the word that leads on from it. */
function callPattern(path: readonly string[]): string {
  return `${path.slice(0, -1).join(' ')}/${path.at(-1)}`
}

function optionValueCases(command: CommandNode): string[] {
  if (command.path.length === 0) return []
  return command.options
    .filter(takesValue)
    .flatMap(({ names, values }) =>
      names.map(name => `    ${quoted(`${command.path.join(' ')}/${name}`)}) ${offer(values)}; return ;;`),
    )
}

function commandCase({ path, options, commands }: CommandNode): string {
  const own = path.length === 0 ? [] : options.flatMap(({ names }) => names).filter(isOwn)
  const below = commands.map(({ path }) => path.at(-1)).join(' ')
  return `    ${quoted(path.join(' '))}) options=${quoted(own.join(' '))} commands=${quoted(below)} ;;`
}

function argumentCases(command: CommandNode): string[] {
  return command.arguments.map(
    ({ values }, place) => `    ${quoted(`${command.path.join(' ')}/${place}`)}) ${offer(values)} ;;`,
  )
}

/** Every command has --help, and so has the program, whose options are offered with those of each. */
function isOwn(name: string): boolean {
  return name !== '-h' && name !== '--help'
}

function takesValue({ placeholder }: { placeholder: string | null }): boolean {
  return placeholder !== null
}

function offer(values: Values): string {
  switch (values.kind) {
    case 'words':
      return `_rs_agent_${values.list === 'one' ? 'words' : 'list'} ${quoted(values.words.join(' '))}`
    case 'files':
      return '_rs_agent_paths file'
    case 'folders':
      return '_rs_agent_paths directory'
    case 'nics':
      return '_rs_agent_nics'
    case 'free':
      return ':'
    default:
      return values satisfies never
  }
}
