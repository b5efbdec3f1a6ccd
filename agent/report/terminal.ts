import { styleText } from 'node:util'
import { AgentError, hasErrno, messageOf } from '../errors.ts'

type Format = Parameters<typeof styleText>[0]

/** How a command talks: one JSON document for machines, or text for people; progress always on stderr. */
export interface Terminal {
  readonly json: boolean
  /** Colours the text on a terminal that wants it, and leaves it alone elsewhere. */
  style(format: Format, text: string): string
  /** A line of text on stdout. */
  line(text?: string): void
  /** The one document of --json. */
  document(value: unknown): void
  /** One of many documents, on one line, of a command that goes on. */
  event(value: unknown): void
  /** Resolves when all of stdout is written; throws AgentError (`failed`) when it cannot be, as on a full disk. */
  written(): Promise<void>
  /** Empties the screen, where stdout is one, for what is printed anew. */
  clear(): void
  /** A line on stderr. */
  note(text: string): void
  /** Shows what is under way, on a terminal, once this process has run for a second; `null` ends it. */
  progress(text: string | null): void
}

const PROGRESS_AFTER_MS = 1_000
const CLEAR_SCREEN = '\u001b[2J\u001b[H'

export function openTerminal({ json, color }: { json: boolean; color: boolean }): Terminal {
  let latest: string | null = null
  let shown = false
  let timer: NodeJS.Timeout | undefined
  return {
    json,
    // styleText itself honours NO_COLOR and streams that are no terminal.
    style: (format, text) =>
      color ? styleText(format, text, { stream: json ? process.stderr : process.stdout }) : text,
    line: (text = '') => void process.stdout.write(`${text}\n`),
    document: value => void process.stdout.write(`${JSON.stringify(value, null, 2)}\n`),
    event: value => void process.stdout.write(`${JSON.stringify(value)}\n`),
    written: () =>
      new Promise((resolve, reject) => {
        process.stdout.write('', error => {
          const lost = process.stdout.errored ?? error
          // A reader that has seen enough is no failure.
          if (!lost || hasErrno(lost, 'EPIPE')) resolve()
          else
            reject(
              new AgentError(
                'failed',
                `cannot write the output: ${messageOf(lost)}`,
                'is the disk full?',
                lost,
              ),
            )
        })
      }),
    clear() {
      if (process.stdout.isTTY && !json) process.stdout.write(CLEAR_SCREEN)
    },
    note: text => void process.stderr.write(`${text}\n`),
    progress(text) {
      if (!process.stderr.isTTY) return
      latest = text
      const earlyMs = PROGRESS_AFTER_MS - process.uptime() * 1_000
      if (earlyMs <= 0) show()
      else if (text === null) clearTimeout(timer)
      else timer ??= setTimeout(show, earlyMs).unref()
    },
  }

  function show(): void {
    if (latest === null && !shown) return
    shown = latest !== null
    process.stderr.write(`\r\u001b[K${latest ?? ''}`)
  }
}
