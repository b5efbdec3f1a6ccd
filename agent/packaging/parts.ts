type Require = (id: string) => unknown
/** As require() wraps the text of a file. */
type Part = (exports: unknown, require: Require, module: { exports: unknown }) => void

/**
 * Runs the part of that name, and those that it requires, each when it is first required. Its own text is the head of
 * the program in one file, so it uses nothing from outside: see one-file.ts.
 *
 * @param outer the require() of the file that all are in
 * @param putOff modules of Node.js, without `node:`, that are loaded only when something is taken from them
 */
export function startParts(
  parts: Readonly<Record<string, Part>>,
  name: string,
  outer: Require,
  putOff: readonly string[],
): unknown {
  const loaded = new Map<string, unknown>()
  const keep = (id: string, exported: unknown): unknown => {
    loaded.set(id, exported)
    return exported
  }
  const isPutOff = new Set(putOff.flatMap(id => [id, `node:${id}`]))
  return requirePart(name)

  function requirePart(id: string): unknown {
    if (loaded.has(id)) return loaded.get(id)
    const part = parts[id]
    if (part === undefined) return keep(id, isPutOff.has(id) ? whenUsed(id) : outer(id))
    const own = { exports: {} }
    // Before it runs: the start is required by parts that it requires.
    keep(id, own.exports)
    try {
      part(own.exports, requirePart, own)
    } catch (error) {
      // Required once more it throws once more, as with Node.js.
      loaded.delete(id)
      throw error
    }
    return keep(id, own.exports)
  }

  /**
   * Stands for a module of Node.js, which is loaded when a name is first taken from it. The names are in the
   * prototype, since the bundler copies those that an object has of its own, and would take each of them.
   */
  function whenUsed(id: string): object {
    let exported: Record<PropertyKey, unknown> | undefined
    const load = (): Record<PropertyKey, unknown> => {
      exported ??= outer(id) as Record<PropertyKey, unknown>
      return exported
    }
    return Object.create(new Proxy({}, { get: (_, key) => load()[key], has: (_, key) => key in load() }))
  }
}
