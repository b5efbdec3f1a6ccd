/**
 * `npx node test/lab/one.ts director/verify -t 'NAME'`: some tests in a guest whose kernel has IPVS and NFS, with what
 * they print. Takes what `vitest run` takes; ends as vitest does. RS_AGENT_KERNEL=oldest boots the other kernel.
 */
import { bootGuest } from './guest.ts'
import { project, vitestInGuest } from './tests-in-guest.ts'

const limitMs = 60 * 60_000

const kernel = process.env.RS_AGENT_KERNEL === 'oldest' ? 'oldest' : 'newest'
process.stderr.write('booting a guest, emulated: all is slower there\n')
await using guest = await bootGuest({ kernel })
const { exitCode } = await guest.run(process.execPath, [...vitestInGuest, ...process.argv.slice(2)], {
  cwd: project,
  timeoutMs: limitMs,
  onOutput: (name, chunk) => process[name].write(chunk),
})
process.exitCode = exitCode
