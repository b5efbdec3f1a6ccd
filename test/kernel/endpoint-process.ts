/**
 * Runs an endpoint that tells what a file says, and prints where it is once it listens. While the file holds no view,
 * looking fails with its text. SIGTERM ends it.
 */
import { readFileSync } from 'node:fs'
import type { Listen } from '../../agent/config/service.ts'
import { messageOf } from '../../agent/errors.ts'
import { openEndpoint } from '../../agent/service/endpoint/endpoint.ts'

export interface EndpointPlan {
  place: Exclude<Listen, 'none'>
  /** JSON of a view, or the words of a failure. */
  viewFile: string
}

const { place, viewFile }: EndpointPlan = JSON.parse(process.argv[2] ?? '{}')
try {
  const endpoint = await openEndpoint(place, async () => view(readFileSync(viewFile, 'utf8')))
  process.stdout.write(`${endpoint.address}\n`)
  process.once('SIGTERM', () => void endpoint.close())
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`)
  process.exitCode = 1
}

function view(text: string) {
  if (!text.startsWith('{')) throw new Error(text)
  return JSON.parse(text)
}
