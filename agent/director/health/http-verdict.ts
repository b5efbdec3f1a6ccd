/** What an answer, or a part of it, is worth. */
export type Verdict = { kind: 'right' } | { kind: 'wrong'; why: string }

export function wrong(why: string): Verdict {
  return { kind: 'wrong', why }
}

const EXCERPT_LENGTH = 40

/** What a stranger sent, harmless to print. */
export function excerpt(text: string): string {
  return JSON.stringify(text.length > EXCERPT_LENGTH ? `${text.slice(0, EXCERPT_LENGTH)}...` : text)
}

/** How the end of a body is found: a count of bytes, chunks, or the end of the connection (RFC 9112, 6.3). */
export type Framing = number | 'chunked' | 'closed'
