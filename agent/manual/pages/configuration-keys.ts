import type * as v from 'valibot'

/** The keys of the configuration, read from the schema that checks it. */
export interface ConfigurationKey {
  /** `realServer.vips[].address`. */
  path: string
  /** What the schema says it expects; null for a key that only the kinds of a check tell apart. */
  expected: string | null
  /** As it would be written; null where there is none. */
  defaultText: string | null
}

/** In the order of the schema, each once: kinds of a check have keys in common. */
export function configurationKeys(schema: v.GenericSchema): ConfigurationKey[] {
  const keys = new Map<string, ConfigurationKey>()
  for (const key of keysOf(schema as Schema, '')) if (!keys.has(key.path)) keys.set(key.path, key)
  return [...keys.values()]
}

/** What valibot's schemas hold, as far as it is read here. */
interface Schema {
  type: string
  message?: unknown
  pipe?: Schema[]
  default?: unknown
  wrapped?: Schema
  item?: Schema
  options?: Schema[]
  entries?: Record<string, Schema>
  getter?(input: unknown): Schema
}

function keysOf(schema: Schema, path: string): ConfigurationKey[] {
  return partsOf(schema).flatMap(part => [
    ...(part.type === 'array' && part.item !== undefined ? keysOf(part.item, `${path}[]`) : []),
    ...(part.type === 'variant' ? (part.options ?? []).flatMap(option => keysOf(option, path)) : []),
    ...Object.entries(part.type === 'strict_object' ? (part.entries ?? {}) : {}).flatMap(([name, value]) => {
      const below = path === '' ? name : `${path}.${name}`
      return [keyOf(value, below), ...keysOf(value, below)]
    }),
  ])
}

function keyOf(schema: Schema, path: string): ConfigurationKey {
  const expected = partsOf(schema).find(({ message }) => typeof message === 'string')?.message
  const value = schema.type === 'optional' ? schema.default : undefined
  return {
    path,
    expected: (expected as string | undefined) ?? null,
    defaultText: value === undefined || value === '' ? null : textOf(value),
  }
}

/** The schema itself, without what says that it may be left out, and the steps of its pipes. */
function partsOf(schema: Schema): Schema[] {
  if (schema.type === 'optional' && schema.wrapped !== undefined) return partsOf(schema.wrapped)
  // Of "one, or a list of them" the list: its item is the one.
  if (schema.type === 'lazy' && schema.getter !== undefined) return partsOf(schema.getter([]))
  return (
    schema.pipe?.flatMap(step => (step.type === schema.type && !step.pipe ? [step] : partsOf(step))) ?? [
      schema,
    ]
  )
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
