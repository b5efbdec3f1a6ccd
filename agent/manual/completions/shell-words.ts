import { allCommands, type CommandNode } from '../command-tree.ts'

/** In quotes that let nothing through: bash, zsh and fish read them alike, but for a backslash (fish). */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

/** Every option of any command that takes a value: the word after it is no command. */
export function valueOptionNames(program: CommandNode): string[] {
  const names = allCommands(program).flatMap(({ options }) =>
    options.filter(({ placeholder }) => placeholder !== null).flatMap(({ names }) => names),
  )
  return [...new Set(names)]
}
