import Mustache from 'mustache'

type Value = string | number
export type TemplateValues = Record<string, Value | readonly Record<string, Value>[]>

/**
 * Renders a Mustache template whose output is read line by line. A variable that the values do not have
 * is an error, not an empty text, and a value cannot leave its line.
 */
export function renderTemplate(text: string, values: TemplateValues): string {
  refuseUnknownNames(Mustache.parse(text), values)
  return Mustache.render(text, values, undefined, { escape: refuseControlCharacters })
}

type Token = ReturnType<typeof Mustache.parse>[number]

function refuseUnknownNames(tokens: readonly Token[], values: TemplateValues): void {
  for (const [kind, name, , , children] of tokens) {
    if (kind === 'text' || kind === '!') continue
    const value = values[name]
    if (value === undefined) throw new Error(`the template uses {{${name}}}, which does not exist`)
    if (!Array.isArray(value) || !Array.isArray(children)) continue
    for (const item of value) refuseUnknownNames(children as Token[], { ...values, ...item })
  }
}

function refuseControlCharacters(value: unknown): string {
  const text = String(value)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not get through
  if (/[\u0000-\u001f\u007f]/.test(text)) throw new Error(`${JSON.stringify(text)} holds a control character`)
  return text
}
