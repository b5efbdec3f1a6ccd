import { createInterface } from 'node:readline/promises'
import { AgentError } from '../errors.ts'

/** Asks on the terminal; an empty answer takes the proposal. */
export interface Questions {
  /** Asks again until `parse` takes the answer; `null` for a proposal where there is none. */
  ask<T>(question: string, proposal: string | null, parse: (answer: string) => T): Promise<T>
  close(): void
}

/** On stderr: stdout is for what was done. */
export function openQuestions(): Questions {
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  // Answers that came before they were asked for, as when several lines are pasted.
  const ahead: string[] = []
  let asked: ((answer: string) => void) | null = null
  lines.on('line', line => {
    if (asked === null) ahead.push(line)
    else asked(line)
    asked = null
  })
  const answerTo = (question: string): Promise<string> => {
    const early = ahead.shift()
    if (early !== undefined) return Promise.resolve(early)
    lines.setPrompt(question)
    lines.prompt()
    return new Promise(resolve => {
      asked = resolve
    })
  }
  const ended = new Promise<never>((_, reject) => {
    lines.once('close', () => reject(new AgentError('usage', 'the answers ended', 'nothing was written')))
  })
  ended.catch(() => undefined)
  return {
    async ask(question, proposal, parse) {
      for (;;) {
        const shown = proposal === null ? `${question}: ` : `${question} [${proposal}]: `
        const answer = (await Promise.race([answerTo(shown), ended])).trim()
        try {
          return parse(answer === '' ? (proposal ?? '') : answer)
        } catch (error) {
          if (!(error instanceof AgentError)) throw error
          process.stderr.write(`  ${error.message}\n`)
        }
      }
    },
    close: () => lines.close(),
  }
}
