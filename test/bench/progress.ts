/** Tells whoever waits; stdout holds the figures alone. */
export function progress(text: string): void {
  process.stderr.write(`  ${text}\n`)
}
