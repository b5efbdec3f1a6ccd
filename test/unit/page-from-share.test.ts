import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { commandsBelow } from '../../agent/host/commands.ts'
import type { Host } from '../../agent/host/host.ts'
import type { IpAddress } from '../../agent/model/address.ts'
import type { Mount } from '../../agent/model/mount.ts'
import type { WantedShare } from '../../agent/realserver/desired.ts'
import { checkPageFromShare } from '../../agent/realserver/verify/page-from-share.ts'

/** A real web server and real files; only the kernel's list of mounts is written here. */
describe('the page that is compared with a share', () => {
  const root = mkdtempSync(join(tmpdir(), 'pages-'))
  const source = '10.10.10.40:/srv/www'
  const share = { source, target: root, options: '' }
  const mounted: Mount = { target: root, source, type: 'nfs4', options: 'ro' }
  const answers: Record<string, [status: number, body: string]> = {
    '/': [200, 'our page\n'],
    '/other': [200, 'the page of another site\n'],
    '/moved': [301, ''],
    '/long': [200, 'x'.repeat(2_000_000)],
    '/in/deep': [200, 'deep\n'],
    '/missing': [200, 'made by a program\n'],
  }
  const server = createServer(({ url = '' }, response) => {
    const [status, body] = answers[url] ?? [500, '']
    response.writeHead(status).end(body)
  })

  beforeAll(async () => {
    mkdirSync(join(root, 'in'))
    for (const name of ['index.html', 'other', 'moved', 'long']) writeFileSync(join(root, name), 'our page\n')
    writeFileSync(join(root, 'in', 'deep'), 'deep\n')
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  })
  afterAll(() => {
    server.close()
    rmSync(root, { recursive: true })
  })

  async function check(healthPath: string, mounts: Mount[], nfs: WantedShare[] = [share]) {
    const { port } = server.address() as AddressInfo
    const httpd = { server: 'nginx', port, root, healthPath, proxy: [] } as const
    const host = { commands: commandsBelow('/'), mounts: { list: () => mounts } } as unknown as Host
    const rows = await checkPageFromShare(host, { httpd, nfs, vips: ['127.0.0.1' as IpAddress] })
    return rows.map(({ verdict, evidence }) => `${verdict}: ${evidence}`.replaceAll(root, 'ROOT'))
  }

  it('is that on the share, or is not', async () => {
    expect(await check('/', [mounted])).toEqual([`pass: the page is ROOT/index.html on ${source}`])
    expect(await check('/other', [mounted])).toEqual([
      `fail: the page is not ROOT/other on ${source}, byte by byte`,
    ])
  })

  it.each<[string, Mount[]]>([
    ['nothing is mounted', []],
    ['only an automount waits', [{ ...mounted, type: 'autofs', source: 'systemd-1' }]],
    ['another share is mounted', [{ ...mounted, source: '10.10.10.41:/srv/www' }]],
    ['a disk is mounted', [{ ...mounted, type: 'ext4' }]],
    ['something hides the share', [mounted, { ...mounted, target: tmpdir(), type: 'tmpfs' }]],
  ])('proves nothing while %s, though a local file is the same', async (_, mounts) => {
    expect(await check('/', mounts)).toEqual([
      `unknown: not compared with ${source}: it is not mounted at ROOT`,
    ])
  })

  it.each([
    ['/?a=b', `skipped: not compared with ${source}: a page with a query is no file`],
    ['/moved', 'skipped: not compared with ROOT/moved: the status is 301'],
    ['/long', 'skipped: not compared with ROOT/long: the page is larger than a megabyte'],
    ['/missing', `skipped: not compared with ${source}: sha256sum: ROOT/missing: No such file or directory`],
  ])('says why it is not compared at %s', async (healthPath, row) => {
    expect(await check(healthPath, [mounted])).toEqual([row])
  })

  it('is not known where the share gives an error', async () => {
    symlinkSync('loop', join(root, 'loop'))
    expect(await check('/loop', [mounted])).toEqual([
      `unknown: not compared with ${source}: sha256sum: ROOT/loop: Too many levels of symbolic links`,
    ])
  })

  it('is compared with the innermost share that holds it', async () => {
    const inner = { ...share, source: '10.10.10.40:/srv/in', target: join(root, 'in') }
    const mounts = [mounted, { ...mounted, source: inner.source, target: inner.target }]
    expect(await check('/in/deep', mounts, [share, inner])).toEqual([
      `pass: the page is ROOT/in/deep on ${inner.source}`,
    ])
    expect(await check('/in/deep', [mounted], [share, inner])).toEqual([
      `unknown: not compared with ${inner.source}: it is not mounted at ROOT/in`,
    ])
  })

  it('is not asked for where the pages are on no share', async () => {
    expect(await check('/', [], [])).toEqual([])
  })
})
