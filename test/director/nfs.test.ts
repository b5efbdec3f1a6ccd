import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Inventory, takeInventory } from '../support/inventory.ts'
import { ShareScene } from '../support/share-scene.ts'

/** A share through the whole of its life: mounted, found by verify in whatever state it is, and there after a reboot. */
const TARGET = '/srv/www'
const SOURCE = '10.10.10.30:/pages'
const SHARE = { source: SOURCE, target: TARGET }
const PORT = '10.10.10.30 port 2049'

let scene: ShareScene
let before: Inventory

beforeAll(async () => {
  scene = await ShareScene.build()
  before = await takeInventory(scene.host)
})
afterAll(() => scene[Symbol.asyncDispose]())

const page = () => scene.shell(`cat ${TARGET}/index.html`)
const waiting = () => scene.shell('systemctl show --property=SubState --value srv-www.automount')

describe('apply', () => {
  it('mounts a share with what was chosen for a web server, by a unit that systemd knows', async () => {
    await scene.configure(SHARE)
    expect(await scene.agent('apply')).toMatchObject({
      exitCode: 0,
      changes: expect.arrayContaining([
        `create folder ${TARGET}`,
        'create /etc/systemd/system/srv-www.mount',
        'create /etc/systemd/system/srv-www.automount',
        'create srv-www.automount',
        `create ${TARGET}`,
      ]),
    })
    const { [TARGET]: mounted } = await scene.mounts()
    expect(mounted).toMatch(/^10\.10\.10\.30:\/pages nfs4 ro,/)
    expect(mounted?.split(/[ ,]/)).toEqual(
      expect.arrayContaining(
        'nosuid nodev noexec vers=4.2 soft timeo=20 retrans=2 acregmax=3 acdirmax=3'.split(' '),
      ),
    )
    expect(await page()).toBe('pages')
    expect(await scene.shell('systemctl is-active srv-www.mount')).toBe('active')
    expect(await scene.shell('systemctl is-enabled srv-www.automount')).toBe('enabled')
  })

  it('has nothing to do again', async () => {
    expect(await scene.agent('plan')).toMatchObject({ exitCode: 0, changes: [] })
  })
})

describe('verify', () => {
  beforeEach(async () => {
    await scene.configure(SHARE)
    await scene.shell(`umount -l ${TARGET} 2>/dev/null || :`)
    expect(await scene.agent('apply')).toMatchObject({ exitCode: 0 })
  })

  /** Within three seconds, by the clock of the kernel, with what it takes to start. */
  async function expectVerdict(verdict: 'pass' | 'fail', evidence: RegExp, hint = /./): Promise<void> {
    const { checks, tookMs } = await scene.verify()
    expect(checks).toMatchObject([
      {
        subject: TARGET,
        verdict,
        evidence: expect.stringMatching(evidence),
        hint: verdict === 'pass' ? '' : expect.stringMatching(hint),
      },
    ])
    expect(tookMs).toBeLessThan(3000)
  }
  const passes = () => expectVerdict('pass', /is mounted read-only and answers/)

  it('finds a share that is mounted', passes)

  it('finds one that is not mounted, and tells why from whether it could be', async () => {
    await scene.shell(`umount ${TARGET}`)
    await expectVerdict('fail', /is not mounted; its server answers, and would let it be/, /rs-agent apply/)
    await scene.nfs.unexport()
    await expectVerdict('fail', /is not mounted, and cannot be: .*access denied/, /exportfs -v/)
    await scene.nfs.export('ro')
    await scene.nfs.stop()
    await expectVerdict('fail', RegExp(`is not mounted, and its server is dead: ${PORT} refuses`))
    await scene.nfs.resume()
  })

  it('finds another share, and another file system, in its place', async () => {
    await scene.shell(`umount ${TARGET} && mount -t nfs -o ro 10.10.10.30:/ ${TARGET}`)
    await expectVerdict('fail', /^10\.10\.10\.30:\/ is mounted there instead of 10\.10\.10\.30:\/pages/)
    await scene.shell(`umount ${TARGET} && mount -t tmpfs own ${TARGET}`)
    await expectVerdict('fail', /^own \(tmpfs\) is mounted there instead of/)
    await scene.shell(`umount ${TARGET}`)
  })

  it('finds one that is read-only and ought to be written to', async () => {
    await scene.configure({ ...SHARE, options: 'rw' })
    await expectVerdict('fail', /is mounted read-only, and wanted read-write/)
  })

  it('finds a stale handle', async () => {
    await scene.makePages()
    // For as long as its attributes are believed.
    await expect.poll(async () => (await scene.host.spawn('cat', [`${TARGET}/index.html`])).exitCode).toBe(1)
    await expectVerdict('fail', /is stale: its server has another folder/, /umount -f -l/)
  })

  it('finds one that is exported no more, or to others only, and is content when it is again', async () => {
    await scene.nfs.unexport()
    await expectVerdict('fail', /gives “Permission denied”: the server refuses it/, /exportfs -v/)
    await scene.nfs.export('ro', { to: '10.10.10.99' })
    await expectVerdict('fail', /gives “Permission denied”: the server refuses it/)
    await scene.nfs.export('ro')
    await passes()
  })

  it('finds a host without a server', async () => {
    await scene.nfs.stop()
    await expectVerdict('fail', RegExp(`is mounted, and its server is dead: ${PORT} refuses the connection`))
    await scene.nfs.resume()
    await passes()
  })

  it('finds a server that takes calls, and answers none that is about a file', async () => {
    await scene.nfs.freeze()
    await expectVerdict('fail', RegExp(`gave no answer within .*, although ${PORT} answers a call`))
    await scene.nfs.thaw()
    await passes()
  })

  it('finds a program that takes the connection, and says nothing', async () => {
    await scene.shell(`umount ${TARGET}`)
    await scene.listenMutely(2050)
    await scene.configure({ ...SHARE, options: 'port=2050' })
    await expectVerdict(
      'fail',
      /is not mounted, and its server is dead: .* port 2050 takes the connection, and/,
    )
  })

  it('finds a server whose cable is cut, also when it is the first to come after a reboot', async () => {
    await scene.cable('down')
    await expectVerdict('fail', RegExp(`is mounted, and its server is dead: nothing comes back from ${PORT}`))
    await scene.cable('up')
    await passes()
    await scene.host.reboot()
    await scene.cable('down')
    await expectVerdict('fail', RegExp(`is not mounted, and its server is dead: .*${PORT}`))
    await scene.cable('up')
    await expect.poll(page, { timeout: 60_000 }).toBe('pages')
    await passes()
  })
})

describe('a reboot', () => {
  it('leaves the share to whoever comes first, and the plan without a word of it', async () => {
    expect(await scene.agent('apply')).toMatchObject({ exitCode: 0 })
    await scene.host.reboot()
    expect(await waiting()).toBe('waiting')
    const isOfShare = (change: string) => change.includes('www')
    expect((await scene.agent('plan')).changes.filter(isOfShare)).toEqual([])
    // A plan is nobody who comes.
    expect(await waiting()).toBe('waiting')
    expect(await page()).toBe('pages')
    expect(await waiting()).toBe('running')
    expect((await scene.agent('plan')).changes.filter(isOfShare)).toEqual([])
  })

  it('is not held up by a dead server, and the share comes by itself when that is back', async () => {
    await scene.cable('down')
    await scene.host.reboot()
    expect(await scene.host.failedUnits()).toEqual([])
    expect(await scene.shell('systemctl is-system-running')).toBe('running')
    expect((await scene.host.spawn('cat', [`${TARGET}/index.html`], { input: '' })).exitCode).toBe(1)
    await scene.cable('up')
    await expect.poll(page, { timeout: 60_000 }).toBe('pages')
  })

  it('does not lose the share, however many come while the server refuses it', async () => {
    await scene.nfs.unexport()
    await scene.host.reboot()
    await scene.shell(`for each in 1 2 3 4 5 6 7 8 9 10; do ! cat ${TARGET}/index.html 2>/dev/null; done`)
    expect(await waiting()).toBe('waiting')
    await scene.nfs.export('ro')
    expect(await page()).toBe('pages')
  })
})

describe('remove', () => {
  it('takes away the share, its units, its folder, and nothing else', async () => {
    expect(await scene.agent('apply')).toMatchObject({ exitCode: 0 })
    expect(await scene.agent('remove')).toMatchObject({ exitCode: 0, leftOut: [] })
    expect(await takeInventory(scene.host)).toEqual(before)
    expect(await scene.shell('systemctl list-units --all --plain --no-legend "srv-www*"')).toBe('')
    expect((await scene.host.spawn('test', ['-e', TARGET], { input: '' })).exitCode).toBe(1)
  })
})
