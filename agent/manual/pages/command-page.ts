import { allCommands, type CommandNode, type OptionNode } from '../command-tree.ts'
import { bold, type Edition, entry, heading, italic, page, plain, subheading, verbatim } from './roff.ts'

/** rs-agent(1): the program, and each of its commands. */
export function commandPage(program: CommandNode, edition: Edition): string {
  const commands = allCommands(program).filter(
    ({ path, commands }) => path.length > 0 && commands.length === 0,
  )
  const exits = exitStatuses(program.textAfter)
  return page({ name: 'rs-agent', section: '1', title: TITLE, ...edition }, [
    heading('Synopsis'),
    `${bold('rs-agent')} [${italic('options')}] ${italic('command')}`,
    heading('Description'),
    plain(program.description),
    heading('Options'),
    'They may stand before the command and after it.',
    ...program.options.map(optionEntry),
    heading('Commands'),
    ...commands.flatMap(commandSection),
    heading('Exit status'),
    ...exits.map(([status, meaning]) => entry(bold(status), plain(meaning))),
    heading('Environment'),
    entry(bold('NO_COLOR'), 'Print without colours, as with \\-\\-no\\-color.'),
    heading('Files'),
    ...FILES.map(([file, meaning]) => entry(italic(file), plain(meaning))),
    heading('See also'),
    '.BR rs\\-agent.yaml (5),\n.BR ip\\-address (8),\n.BR ipvsadm (8),\n.BR sysctl.d (5)',
  ])
}

const TITLE = 'make a host a correct LVS real server or director, and prove it on the wire'

const FILES = [
  ['/etc/rs-agent/config.yaml', 'The configuration.'],
  ['/etc/rs-agent/templates/', 'Templates of your own, which come before those of the program.'],
  ['/etc/rs-agent/drained', 'There while this host is drained.'],
  ['/etc/sysctl.d/90-rs-agent.conf', 'What keeps this host silent after the next boot; written by apply.'],
  [
    '/var/lib/rs-agent/',
    'What was found before the first apply, and the journal of the run that is under way.',
  ],
  [
    '/var/cache/rs-agent/',
    'Of the Debian package: what the runtime has compiled of the program. It may be removed at any time.',
  ],
] as const

function commandSection({ path, description, options, arguments: args, textAfter }: CommandNode): string[] {
  const own = options.filter(({ names }) => !names.includes('--help'))
  const synopsis = [
    bold(`rs-agent ${path.join(' ')}`),
    ...(own.length === 0 ? [] : [`[${italic('options')}]`]),
    ...args.map(({ placeholder }) => plain(placeholder)),
  ]
  const examples = textAfter.replace(/^Examples:\n/, '')
  return [
    subheading(path.join(' ')),
    synopsis.join(' '),
    '.PP',
    `${plain(asSentence(description))}`,
    ...args.map(({ placeholder, description }) => entry(plain(placeholder), plain(asSentence(description)))),
    ...own.map(optionEntry),
    ...(examples === '' ? [] : ['.PP', verbatim(examples)]),
  ]
}

function optionEntry({ names, placeholder, description, defaultText, values }: OptionNode): string {
  const term = names.map(bold).join(', ') + (placeholder === null ? '' : ` ${italic(placeholder)}`)
  const choices =
    values.kind === 'words' ? [`${values.list === 'one' ? 'One' : 'Any'} of ${values.words.join(', ')}.`] : []
  const byDefault = defaultText === null ? [] : [`Default: ${defaultText}.`]
  return entry(term, plain([asSentence(description), ...choices, ...byDefault].join(' ')))
}

function asSentence(description: string): string {
  return `${description.charAt(0).toUpperCase()}${description.slice(1)}.`
}

/** The table that --help ends with: two columns of numbers, each with a text. */
function exitStatuses(textAfter: string): [status: string, meaning: string][] {
  const found = [...textAfter.matchAll(/(?<=^|\s{2})(\d+)\s+(\S+(?: \S+)*)/gm)]
  return found
    .map(([, status = '', meaning = '']): [string, string] => [status, asSentence(meaning)])
    .sort(([a], [b]) => Number(a) - Number(b))
}
