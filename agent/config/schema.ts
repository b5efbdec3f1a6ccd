import * as v from 'valibot'
import { director } from './director.ts'
import { realServer } from './real-server.ts'
import { pathOf, section, text } from './values.ts'

/** The configuration file as a whole. */
export const configuration = v.pipe(
  section(
    {
      realServer: v.optional(realServer),
      director: v.optional(director),
      minimumAvailable: v.optional(
        v.pipe(text('a share such as 50%'), v.regex(/^(100|[1-9]?[0-9])%$/, 'a share such as 50%')),
      ),
    },
    'a map with the sections realServer and director',
  ),
  v.check(
    config => config.realServer !== undefined || config.director !== undefined,
    'at least one role: realServer or director',
  ),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return
    const { realServer, director } = dataset.value
    const hidden = new Set(realServer?.vips.map(({ address }) => address))
    director?.services.forEach(({ listen }, index) => {
      if (listen !== undefined && hidden.has(listen.address))
        addIssue({
          message: 'a VIP that this host does not hide as a real server: it cannot do both',
          path: pathOf(dataset.value, ['director', 'services', index, 'listen']),
        })
    })
  }),
)

export type Configuration = v.InferOutput<typeof configuration>
