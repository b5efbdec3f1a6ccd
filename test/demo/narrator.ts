import { styleText } from 'node:util'

// styleText leaves the text alone where NO_COLOR is set or stdout is not a terminal.

export function title(text: string): void {
  line(styleText('bold', text))
}

export function act(number: number, text: string): void {
  line()
  line(styleText(['bold', 'cyan'], `${number}  ${text}`))
}

/** What a user would type, and where. */
export function command(host: string, text: string): void {
  line(`   ${styleText('dim', `${host} #`)} ${text}`)
}

/** What a command printed, of a long text the beginning and the last line. */
export function output(text: string): void {
  const lines = 10
  const all = text.trimEnd().split('\n')
  const left = all.length - lines
  const shown = left > 0 ? [...all.slice(0, lines - 2), `  … ${left + 1} more`, ...all.slice(-1)] : all
  for (const each of shown) line(`     ${each}`)
}

/** The last line that a command printed. */
export function conclusion(text: string): void {
  line(`     ${text.trimEnd().split('\n').at(-1)}`)
}

export function good(text: string): void {
  line(`   ${styleText('green', '✓')} ${text}`)
}

/** Something that went wrong on purpose. */
export function harm(text: string): void {
  line(`   ${styleText('red', '✗')} ${text}`)
}

/** A claim of the demo that does not hold, or why it cannot run. */
export function failure(text: string): void {
  process.stderr.write(`\n${styleText('red', 'demo:', { stream: process.stderr })} ${text}\n`)
}

export function line(text = ''): void {
  process.stdout.write(`${text}\n`)
}

export const count = (value: number) => value.toLocaleString('en')

/** For programs whose output is shown: they see a pipe where the user sees a terminal. */
export function colorsLikeOurs(): Record<string, string> {
  const isColored =
    process.env.FORCE_COLOR !== undefined || (process.stdout.isTTY && process.stdout.hasColors())
  return isColored ? { FORCE_COLOR: '1' } : { NO_COLOR: '1' }
}
