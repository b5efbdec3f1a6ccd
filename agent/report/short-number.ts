/** 1234567 is 1.23M: five figures are enough to compare, and --json has them all. */
export function shortNumber(value: number): string {
  const units = ['', 'k', 'M', 'G', 'T', 'P']
  let scaled = value
  let unit = 0
  for (; scaled >= 100_000 && unit < units.length - 1; unit++) scaled /= 1000
  return unit === 0 ? String(Math.round(scaled)) : `${scaled.toPrecision(4)}${units[unit]}`
}
