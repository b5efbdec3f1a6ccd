import type { Command } from 'commander'
import type { Invocation } from '../commands/invocation.ts'

/** What a verb is added with. */
export interface Verbs {
  /** Adds a verb that takes no argument but its own. */
  add(name: string, description: string): Command
  /** The options before the verb; throws AgentError when they are wrong. */
  invocation(): Invocation
  /** Runs the command that the verb stands for, and remembers its exit status. */
  run(command: () => Promise<number>): Promise<void>
}

/** An option that is given twice adds to what it said before. */
export function joinLists(text: string, before: string | undefined): string {
  return before === undefined ? text : `${before},${text}`
}

/** What stands below the options in --help: command lines, each with what it is for, where it does not say so itself. */
export function examples(...each: readonly (readonly [command: string, purpose: string])[]): string {
  const width = Math.max(...each.map(([command, purpose]) => (purpose === '' ? 0 : command.length)))
  const lines = each.map(([command, purpose]) =>
    purpose === '' ? `  $ ${command}` : `  $ ${command.padEnd(width)}  # ${purpose}`,
  )
  return ['', 'Examples:', ...lines].join('\n')
}
