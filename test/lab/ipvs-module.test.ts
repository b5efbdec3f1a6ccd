import { fileURLToPath } from 'node:url'
import { expect, test, vi } from 'vitest'
import { bootGuest } from './guest.ts'
import { KERNELS_UNDER_TEST } from './kernel.ts'

// Most of it is the guest's boot, on a machine with other things to do.
vi.setConfig({ testTimeout: 20 * 60_000 })

const program = fileURLToPath(new URL('./ipvs-module-process.ts', import.meta.url))

test.each(KERNELS_UNDER_TEST)(
  'says so when the %s kernel has no IPVS any more, and goes on when it is back',
  async kernel => {
    await using guest = await bootGuest({ kernel })
    const { exitCode, stdout, stderr } = await guest.run(process.execPath, [program])
    expect(exitCode, stderr).toBe(0)
    const absent = {
      code: 'unsupported',
      message: 'this kernel has no IPVS',
      hint: expect.stringContaining('modprobe ip_vs'),
    }
    expect(JSON.parse(stdout)).toEqual({
      opened: absent,
      withoutScheduler: {
        code: 'unsupported',
        message: 'cannot add the service 10.10.10.100:80/tcp: ENOENT',
        hint: expect.stringContaining('modprobe ip_vs_rr'),
      },
      withScheduler: 'done',
      read: absent,
      glanced: absent,
      edited: absent,
      editedAgain: 'done',
      services: [{ kind: 'address', protocol: 'tcp', address: '10.10.10.100', port: 80 }],
    })
  },
)
