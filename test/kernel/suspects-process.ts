/** Runs inside a namespace: prints who may be undoing the change that it is told, of a host with its files below ROOT. */
import { filesBelow } from '../../agent/host/files.ts'
import { suspectsOf } from '../../agent/realserver/keep/suspects.ts'

const [root = '', change = ''] = process.argv.slice(2)
process.stdout.write(JSON.stringify(suspectsOf(JSON.parse(change), { host: { files: filesBelow(root) } })))
