/** What could be read, by path. */
export function present<T>(paths: readonly string[], read: (path: string) => T | null): Record<string, T> {
  const values: Record<string, T> = {}
  for (const path of paths) {
    const value = read(path)
    if (value !== null) values[path] = value
  }
  return values
}
