import { allCommands, type CommandNode, type OptionNode, type Values } from '../command-tree.ts'
import { valueOptionNames } from './shell-words.ts'

/** Completions for fish: lines that hold where a condition does. */
export function fishCompletions(program: CommandNode): string {
  const commands = allCommands(program)
  return `# Completions of rs-agent for fish, made from its command line: do not edit.

# Whether the words so far are this command; with a second argument, and that many arguments of it.
function __rs_agent_is
    set -l words (commandline -opc)
    set -l command
    set -l place 0
    set -l index 2
    while test $index -le (count $words)
        switch $words[$index]
            case ${valueOptionNames(program).join(' ')}
                set index (math $index + 1)
            case '-*'
            case '*'
                if contains -- "$command $words[$index]" ${commands
                  .filter(({ path }) => path.length > 0)
                  .map(({ path }) => quoted(` ${path.join(' ')}`))
                  .join(' ')}
                    set command "$command $words[$index]"
                else
                    set place (math $place + 1)
                end
        end
        set index (math $index + 1)
    end
    test "$command" = "$argv[1]"; and test -z "$argv[2]" -o "$place" = "$argv[2]"
end

function __rs_agent_nics
    string replace /sys/class/net/ '' /sys/class/net/*
end

# What stands before the last comma stays.
function __rs_agent_list
    set -l before (commandline -ct | string replace -r '[^,]*$' '')
    printf '%s\\n' $before$argv
end

complete -c rs-agent -f
${program.options.map(option => `complete -c rs-agent ${optionWords(option)}`).join('\n')}
${commands.flatMap(linesOf).join('\n')}
`
}

function linesOf(command: CommandNode): string[] {
  const { path, options, commands } = command
  const at = quoted(`__rs_agent_is ${quoted(path.map(word => ` ${word}`).join(''))}`)
  const own = path.length === 0 ? [] : options.filter(({ names }) => !names.includes('--help'))
  return [
    ...commands.map(
      each => `complete -c rs-agent -n ${at} -a ${each.path.at(-1)} -d ${quoted(each.description)}`,
    ),
    ...own.map(option => `complete -c rs-agent -n ${at} ${optionWords(option)}`),
    ...command.arguments.flatMap(({ values }, place) => {
      const offered = offer(values)
      const there = quoted(`__rs_agent_is ${quoted(path.map(word => ` ${word}`).join(''))} ${place}`)
      return offered === '' ? [] : [`complete -c rs-agent -n ${there} ${offered}`]
    }),
  ]
}

function optionWords({ names, placeholder, description, values }: OptionNode): string {
  const written = names.map(name => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`))
  // -x: this and no files; -r: a value is needed.
  const value =
    placeholder === null
      ? []
      : [values.kind === 'files' ? '-r' : '-x', offer(values)].filter(words => words !== '')
  return [...written, ...value, `-d ${quoted(description)}`].join(' ')
}

function offer(values: Values): string {
  switch (values.kind) {
    case 'words':
      return values.list === 'one'
        ? `-a ${quoted(values.words.join(' '))}`
        : `-a ${quoted(`(__rs_agent_list ${values.words.join(' ')})`)}`
    case 'files':
      return '-F'
    case 'folders':
      return `-a ${quoted('(__fish_complete_directories (commandline -ct))')}`
    case 'nics':
      return `-a ${quoted('(__rs_agent_nics)')}`
    case 'free':
      return ''
    default:
      return values satisfies never
  }
}

/** In single quotes fish reads \\\\ and \\' as escapes. */
function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`
}
