/**
 * `npm run bench`: what rs-agent costs beside what it is measured against, in one run and one table; everything happens
 * in network namespaces of its own. `--json` prints one JSON document instead, `--only NAME,…` measures some groups.
 * Needs root. Ends with 1 when a group could not be measured, and with 0 when a target is missed: machines differ.
 */
import { parseArgs } from 'node:util'
import { gather } from './gather.ts'
import { chosenGroups } from './groups.ts'
import { tableOf } from './table.ts'

const EXIT_USAGE = 64

const asked = readArguments()
if (asked !== null) {
  const report = await gather(asked.groups)
  process.stdout.write(asked.json ? `${JSON.stringify(report, null, 2)}\n` : tableOf(report))
  if (report.groups.some(({ failure }) => failure !== undefined)) process.exitCode = 1
}

function readArguments(): { json: boolean; groups: string[] } | null {
  try {
    const { values } = parseArgs({ options: { json: { type: 'boolean' }, only: { type: 'string' } } })
    return { json: values.json === true, groups: chosenGroups(values.only) }
  } catch (error) {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = EXIT_USAGE
    return null
  }
}
