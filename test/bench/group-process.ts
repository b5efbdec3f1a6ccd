/**
 * Runs in a guest: measures the group that its argument names. Prints lines of JSON, the first of which describes the
 * guest; each other one is a figure.
 */
import { GROUPS } from './groups.ts'
import { describeMachine } from './machine.ts'

const [name = ''] = process.argv.slice(2)
const group = GROUPS[name]
if (group === undefined) throw new Error(`there is no group ${name}`)
const lines = [describeMachine(), ...(await group.measure())].map(each => `${JSON.stringify(each)}\n`)
process.stdout.write(lines.join(''))
