/** Whole numbers as C's strtol reads them, within limits; null for anything else. */
export function parseNumber(text: string, min: number, max: number): number | null {
  if (!/^\s*[+-]?[0-9]+$/.test(text)) return null
  const number = Number(text)
  return number >= min && number <= max ? number : null
}
