import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import { type CommandResult, type Commands, commandsBelow } from '../../agent/host/commands.ts'
import type { Mounts } from '../../agent/host/mounts.ts'
import { probeNfs } from '../../agent/host/nfs-probe.ts'
import { checkNfsMounted } from '../../agent/realserver/verify/nfs-mounted.ts'

const real = commandsBelow('/')

/** A look-up that another program stands for, with what was asked and in which time. */
function lookUpBy(command: string, ...args: string[]): Commands & { asked: string[] } {
  const asked: string[] = []
  const run = (program: string, words: readonly string[], { timeoutMs }: { timeoutMs: number }) => {
    asked.push([program, ...words].join(' '))
    return real.run(command, args, { timeoutMs })
  }
  return { asked, run: run as (...args: unknown[]) => Promise<CommandResult | null> }
}

const place = { server: 'files.example.org', port: 2049, version: 4 } as const

describe('the look-up of an NFS server', () => {
  it('is given up in time where no name server answers, and keeps nothing alive', async () => {
    const silent = lookUpBy('sleep', '60')
    const startedAt = performance.now()
    expect(await probeNfs(silent, place, { timeoutMs: 200 })).toEqual({
      kind: 'unresolved',
      why: 'no answer within 0.2 s: is the name server down?',
    })
    expect(performance.now() - startedAt).toBeLessThan(1_000)
    expect(silent.asked).toEqual(['getent ahosts files.example.org'])
    expect(process.getActiveResourcesInfo()).not.toContain('GetAddrInfoReqWrap')
  })

  it('says so where the name has no address', async () => {
    const unknown = lookUpBy('sh', '-c', 'exit 2')
    expect(await probeNfs(unknown, place, { timeoutMs: 900 })).toEqual({
      kind: 'unresolved',
      why: 'no address is known for it',
    })
  })

  it('leads to every address of the name, by the real getent', async () => {
    await using listener = createServer(socket => socket.resume().end())
    await new Promise<void>(resolve => listener.listen(0, '127.0.0.1', resolve))
    const { port } = listener.address() as AddressInfo
    const hungUp = { kind: 'unfit', why: 'it hung up without an answer' }
    expect(await probeNfs(real, { ...place, server: 'localhost', port }, { timeoutMs: 900 })).toEqual(hungUp)
    const two = lookUpBy('printf', '::1 STREAM a\\n::1 DGRAM\\n127.0.0.1 STREAM\\n')
    expect(await probeNfs(two, { ...place, port }, { timeoutMs: 900 })).toEqual(hungUp)
  })

  it('is not made for an address', async () => {
    const none = lookUpBy('false')
    await probeNfs(none, { ...place, server: '127.0.0.1', port: 1 }, { timeoutMs: 900 })
    expect(none.asked).toEqual([])
  })

  it('is what verify tells of, with words of its own', async () => {
    const mounts = { list: () => [] } as unknown as Mounts
    const nfs = [{ source: 'files.example.org:/srv/www', target: '/var/www/html', options: '' }]
    expect(await checkNfsMounted({ mounts, commands: lookUpBy('sh', '-c', 'exit 2') }, { nfs })).toEqual([
      {
        id: 'nfs-mounted',
        subject: '/var/www/html',
        verdict: 'fail',
        evidence:
          'files.example.org:/srv/www is not mounted, and the name of its server cannot be resolved: files.example.org: no address is known for it',
        hint: expect.stringMatching(/^getent ahosts files\.example\.org; /),
      },
    ])
  })
})
