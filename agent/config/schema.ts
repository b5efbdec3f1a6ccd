import * as v from 'valibot'
import { director } from './director.ts'
import { realServer } from './real-server.ts'
import { service } from './service.ts'
import { section } from './values.ts'

/** The configuration file as a whole. */
export const configuration = v.pipe(
  section(
    {
      realServer: v.optional(realServer),
      director: v.optional(director),
      service: v.optional(service),
    },
    'a map with the sections realServer, director and service',
  ),
  v.check(
    config => config.realServer !== undefined || config.director !== undefined,
    'at least one role: realServer or director',
  ),
)

export type Configuration = v.InferOutput<typeof configuration>
