import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Inventory, takeInventory } from '../support/inventory.ts'
import { NfsServer } from '../support/nfs-server.ts'
import { type Ended, ShareScene } from '../support/share-scene.ts'

/** What becomes of apply and remove when the NFS server is in trouble before, meanwhile or since: all of it, or nothing. */
const TARGET = '/srv/www'
const SHARE = { source: '10.10.10.30:/pages', target: TARGET }
/** A mount is given up after 30 s, and all else waits for nobody. */
const LIMIT_MS = 60_000

let scene: ShareScene
let before: Inventory

beforeAll(async () => {
  scene = await ShareScene.build()
  before = await takeInventory(scene.host)
})
afterAll(() => scene[Symbol.asyncDispose]())

const page = (folder = TARGET) => scene.shell(`cat ${folder}/index.html`)

async function applied(): Promise<Ended> {
  const ended = await scene.agent('apply')
  expect([ended.exitCode, ended.error]).toEqual([0, undefined])
  return ended
}

/** The host is as it was before the first apply. */
async function expectAsBefore(): Promise<void> {
  expect(await takeInventory(scene.host)).toEqual(before)
  expect(await scene.shell('systemctl list-units --all --plain --no-legend "srv-www*"')).toBe('')
}

async function expectRemoved(): Promise<void> {
  const { exitCode, leftOut, tookMs } = await scene.agent('remove')
  expect([exitCode, leftOut]).toEqual([0, []])
  expect(tookMs).toBeLessThan(LIMIT_MS)
  await expectAsBefore()
}

describe('an apply that cannot mount', () => {
  /** It ends in the state of before, with the words of mount(8) as the reason. */
  async function expectUndone({ exitCode, error, tookMs }: Ended, reason: RegExp): Promise<void> {
    expect([exitCode, error?.message]).toEqual([
      1,
      expect.stringMatching(/^mount -t nfs .* \/srv\/www.*nothing was changed: every step was undone$/s),
    ])
    expect(error?.message).toMatch(reason)
    expect(error?.hint).toContain('10.10.10.30')
    expect(tookMs).toBeLessThan(LIMIT_MS)
    await expectAsBefore()
  }

  afterEach(async () => {
    await applied()
    expect(await page()).toBe('pages')
    await expectRemoved()
  })

  it('because there is no server: is undone, and the next one finds it', async () => {
    await scene.configure(SHARE)
    await scene.nfs.stop()
    await expectUndone(await scene.agent('apply'), /refused|timed out|did not end/i)
    await scene.nfs.resume()
  })

  it('because the cable is cut: is undone, and the next one finds the server', async () => {
    await scene.cable('down')
    await expectUndone(await scene.agent('apply'), /no route|unreachable|timed out|did not end/i)
    await scene.cable('up')
  })

  it('because the share is exported no more: is undone, and the next one has it', async () => {
    await scene.nfs.unexport()
    await expectUndone(await scene.agent('apply'), /access denied/)
    await scene.nfs.export('ro')
  })

  it('because the server hangs, and dies in the middle of it: is undone, and the next one finds it', async () => {
    await scene.nfs.freeze()
    const applying = scene.agent('apply')
    await expect.poll(() => scene.shell('pgrep mount.nfs || :'), { timeout: 60_000 }).not.toBe('')
    await scene.nfs.stop()
    await expectUndone(await applying, /refused|timed out|did not end|error/i)
    await scene.nfs.thaw()
    await scene.nfs.resume()
  })
})

describe('a server that is dead since', () => {
  it.each([
    ['read', SHARE],
    // Whoever asks for such a one waits until its server is back.
    ['written', { ...SHARE, options: 'rw' }],
  ])('holds up nothing, and remove takes the share away: one that is %s', async (_, share) => {
    await scene.nfs.export(share === SHARE ? 'ro' : 'rw')
    await scene.configure(share)
    await applied()
    expect(await page()).toBe('pages')
    await scene.cable('down')
    for (const command of ['plan', 'apply', 'status']) {
      const { exitCode, changes, tookMs } = await scene.agent(command)
      expect([command, exitCode, changes]).toEqual([command, 0, []])
      expect(tookMs).toBeLessThan(LIMIT_MS)
    }
    const { checks, tookMs } = await scene.verify()
    expect(checks).toMatchObject([{ verdict: 'fail', evidence: expect.stringContaining('is dead') }])
    expect(tookMs).toBeLessThan(3000)
    await expectRemoved()
    await scene.cable('up')
    await scene.nfs.export('ro')
  })
})

describe('a folder that is not empty', () => {
  it('is hidden with a word of it, and there again after remove', async () => {
    await scene.shell(`mkdir ${TARGET} && echo old >${TARGET}/old.html`)
    await scene.configure(SHARE)
    expect((await applied()).notes).toContain(
      `${TARGET} is not empty: old.html in it cannot be seen while the share is mounted there`,
    )
    expect(await page()).toBe('pages')
    await expectRemoved()
    expect(await scene.shell(`cat ${TARGET}/old.html && rm -r ${TARGET}`)).toBe('old')
  })
})

describe('several shares', () => {
  it('lie in one another, and what somebody else mounts in them stays', async () => {
    const pictures = `${TARGET}/img`
    await scene.configure(SHARE, { source: `${SHARE.source}/img`, target: pictures })
    await applied()
    expect(await scene.agent('plan')).toMatchObject({ exitCode: 0, changes: [] })
    expect([await page(), await page(pictures)]).toEqual(['pages', 'pictures'])
    await scene.shell(`umount ${pictures} && mount -t tmpfs own ${pictures}`)
    const { exitCode, leftOut } = await scene.agent('remove')
    expect([exitCode, leftOut]).toEqual([
      0,
      [
        expect.stringMatching(/^what is mounted at \/srv\/www stays: own \(tmpfs\) .* which lies in it/),
        expect.stringMatching(/^what is mounted at \/srv\/www\/img stays: own \(tmpfs\) /),
      ],
    ])
    await scene.shell(`umount ${pictures} && umount ${TARGET} && rmdir ${TARGET}`)
    await expectAsBefore()
  })

  it('come by version 3 as well, without anything that this host would have to run for it', async () => {
    const host = await scene.segment.addHost('nfs3', '10.10.10.31/24')
    const old = await NfsServer.start(host, { version: 3 })
    await old.write('index.html', 'old pages')
    await scene.configure(SHARE, {
      source: `10.10.10.31:${old.folder}`,
      target: '/srv/www3',
      options: 'vers=3',
    })
    // Debian starts it when it installs the client, which the lab did by itself.
    await scene.shell('systemctl stop rpcbind.socket rpcbind.service')
    await applied()
    expect([await page(), await page('/srv/www3')]).toEqual(['pages', 'old pages'])
    expect((await scene.verify()).checks.map(({ verdict }) => verdict)).toEqual(['pass', 'pass'])
    expect(await scene.shell("ss -Hltun 'sport = :111'")).toBe('')
    await expectRemoved()
  })
})
