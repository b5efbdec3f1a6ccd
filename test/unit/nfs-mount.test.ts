import { describe, expect, it } from 'vitest'
import { readTemplate } from '../../agent/host/templates.ts'
import { DISTRIBUTIONS } from '../../agent/model/distribution.ts'
import type { Mount } from '../../agent/model/mount.ts'
import type { WantedShare } from '../../agent/realserver/desired.ts'
import {
  nfsInterest,
  nfsMountClaims,
  tellOfMounts,
  tellOfMountsThatStay,
} from '../../agent/realserver/nfs/nfs-mount.ts'
import { shareOptions } from '../../agent/realserver/nfs/options.ts'
import { nfsMountRefusals } from '../../agent/realserver/nfs/refusals.ts'
import { servingInterest } from '../../agent/realserver/serving.ts'
import type { FoundHost } from '../../agent/reconcile/found.ts'
import type { FoundServing } from '../../agent/reconcile/found-serving.ts'
import { plan, priorsAfter, priorsDuring } from '../../agent/reconcile/plan.ts'
import type { Prior, Step } from '../../agent/reconcile/step.ts'
import { reportChange } from '../../agent/report/change.ts'

const PAGES: WantedShare = { source: '10.10.10.40:/srv/www', target: '/var/www/html', options: '' }
const PICTURES: WantedShare = {
  source: '10.10.10.40:/srv/pictures',
  target: '/var/www/html/pictures',
  options: '',
}
const templates = {
  sysctl: '',
  site: '',
  mount: readTemplate('nfs/rs-agent.mount'),
  automount: readTemplate('nfs/rs-agent.automount'),
}

const folder = (...entries: string[]) => ({ kind: 'folder', entries }) as const

/** A host with systemd and the folder of the pages, and nothing mounted there. */
function host(serving: Partial<FoundServing> = {}, files: FoundHost['files'] = {}): FoundHost {
  return {
    links: [],
    addresses: [],
    routes: [],
    sysctls: {},
    files,
    serving: {
      mounts: [],
      folders: { '/var': folder('www'), '/var/www': folder('html'), '/var/www/html': folder() },
      bootUnits: [],
      fstabLines: {},
      webServers: {},
      distribution: DISTRIBUTIONS.debian,
      init: 'systemd',
      ...serving,
    },
  }
}

const none = { needs: [], priors: [] }

function planned(nfs: WantedShare[], found: FoundHost, priors: Prior[] = []): Step[] {
  return plan(nfsMountClaims({ nfs, templates }, found, priors), priors, found, none)
}

function subjects(steps: readonly Step[]): string[] {
  return steps.map(step => `${reportChange(step).action} ${reportChange(step).subject}`)
}

function refusals(nfs: WantedShare[], found: FoundHost, priors: Prior[] = []): string[] {
  return nfsMountRefusals({ nfs }, found, priors).map(({ path, why }) => `${path.slice(1).join('.')}: ${why}`)
}

/** As the kernel tells of a mount with the options of the share. */
function mounted({ source, target, options }: WantedShare, more = ''): Mount {
  const told = shareOptions(options)
    .mount.replace('nfsvers', 'vers')
    .replace('actimeo=3', 'acregmax=3,acdirmin=3,acdirmax=3')
  return { source, target, type: 'nfs4', options: `relatime,${told}${more}` }
}

/** The host once the steps were made. */
function applied(steps: readonly Step[], found: FoundHost): FoundHost {
  const { serving = host().serving as FoundServing } = found
  const files = { ...found.files }
  const next = structuredClone(serving)
  for (const { change } of steps) {
    if (change.kind === 'unit-file' && change.after !== null) files[change.id.path] = change.after
    if (change.kind === 'boot-unit') next.bootUnits.push(change.id.name)
    if (change.kind === 'folder') next.folders[change.id.path] = folder()
    if (change.kind === 'fstab-line' && change.after !== null)
      next.fstabLines[change.id.target] = change.after
    if (change.kind === 'mount' && change.after !== null) {
      next.mounts = next.mounts.filter(({ target }) => target !== change.id.target)
      next.mounts.push(mounted({ target: change.id.target, ...change.after, options: '' }))
      next.folders[change.id.target] = { kind: 'remote' }
    }
  }
  return { ...found, files, serving: next }
}

/** What an apply on the host remembers. */
function priorsOf(steps: readonly Step[]): Prior[] {
  return priorsAfter([], steps)
}

describe('a share', () => {
  it('is written for the next boot before it is mounted, and starts as soon as somebody comes', () => {
    const steps = planned([PAGES], host())
    expect(subjects(steps)).toEqual([
      'create /etc/systemd/system/var-www-html.mount',
      'create /etc/systemd/system/var-www-html.automount',
      'create var-www-html.automount',
      'create /var/www/html',
    ])
    const unit = reportChange(steps[0] as Step).after
    expect(unit).toContain(
      `What=10.10.10.40:/srv/www\nWhere=/var/www/html\nType=nfs\nOptions=nfsvers=4.2,ro,soft,`,
    )
  })

  it('has nothing to be done once that was done', () => {
    const steps = planned([PAGES], host())
    const found = applied(steps, host())
    expect(planned([PAGES], found, priorsOf(steps))).toEqual([])
    expect(refusals([PAGES], found, priorsOf(steps))).toEqual([])
  })

  it('gets a line of fstab where there is no systemd, with what fstab cannot hold written in octal', () => {
    const share = { ...PAGES, target: '/srv/the pages' }
    const folders = { '/srv': folder(), '/srv/the pages': folder() }
    const [line] = planned([share], host({ init: 'none', folders }))
    expect(line && reportChange(line).after).toBe(
      `10.10.10.40:/srv/www /srv/the\\040pages nfs ${shareOptions('').fstab} 0 0`,
    )
  })

  it('gets the folders that are missing, the outer one first, and gives them back in the reverse order', () => {
    const bare = host({ folders: { '/var': folder('log') } })
    const steps = planned([PAGES], bare)
    expect(subjects(steps).filter(text => text.includes('folder'))).toEqual([
      'create folder /var/www',
      'create folder /var/www/html',
    ])
    const found = applied(steps, bare)
    const removal = subjects(plan([], priorsOf(steps), found, none))
    expect(removal).toEqual([
      'delete /var/www/html',
      'delete var-www-html.automount',
      'delete /etc/systemd/system/var-www-html.automount',
      'delete /etc/systemd/system/var-www-html.mount',
      'delete folder /var/www/html',
      'delete folder /var/www',
    ])
  })

  it('leaves a folder that somebody has put something into', () => {
    const priors = ['/var/www', '/var/www/html'].map(
      path =>
        ({
          resource: 'nfs-mounted',
          kind: 'folder',
          id: { path },
          value: null,
          onRemove: 'put-back',
        }) as Prior,
    )
    const removal = (entries: string[]): string[] =>
      subjects(
        plan(
          [],
          priors,
          host({ folders: { '/var/www': folder('html'), '/var/www/html': folder(...entries) } }),
          none,
        ),
      )
    expect(removal([])).toEqual(['delete folder /var/www/html', 'delete folder /var/www'])
    expect(removal(['index.html'])).toEqual([])
  })

  it('in another share comes after it, and without a folder of this host’s own', () => {
    const steps = planned([PICTURES, PAGES], host())
    expect(subjects(steps).filter(text => !text.includes('.'))).toEqual([
      'create /var/www/html',
      'create /var/www/html/pictures',
    ])
    expect(subjects(plan([], priorsOf(steps), applied(steps, host()), none)).slice(0, 2)).toEqual([
      'delete /var/www/html/pictures',
      'delete /var/www/html',
    ])
  })

  it('waits for whoever comes after a boot, and needs nothing then', () => {
    const steps = planned([PAGES], host())
    const booted = applied(steps, host())
    const waiting = { source: 'systemd-1', target: PAGES.target, type: 'autofs', options: 'rw,relatime' }
    const serving = { ...(booted.serving as FoundServing), mounts: [waiting] }
    expect(planned([PAGES], { ...booted, serving }, priorsOf(steps))).toEqual([])
    const moved = { ...PAGES, source: '10.10.10.41:/srv/www' }
    expect(subjects(planned([moved], { ...booted, serving }, priorsOf(steps)))).toContain(
      'create /var/www/html',
    )
  })

  it('is mounted anew when another source or another option is configured', () => {
    const steps = planned([PAGES], host())
    const found = applied(steps, host())
    for (const share of [
      { ...PAGES, source: '10.10.10.41:/srv/www' },
      { ...PAGES, options: 'rw' },
    ]) {
      expect(refusals([share], found, priorsOf(steps))).toEqual([])
      expect(subjects(planned([share], found, priorsOf(steps)))).toEqual([
        'update /etc/systemd/system/var-www-html.mount',
        'update /var/www/html',
      ])
    }
  })

  it('that was mounted before stays somebody else’s: options that were not asked for are respected', () => {
    const manual = {
      ...mounted(PAGES),
      options: 'ro,relatime,vers=4.1,hard,timeo=600',
      source: '10.10.10.40:/srv//www/',
    }
    const found = host({ mounts: [manual] })
    expect(subjects(planned([PAGES], found))).not.toContain('update /var/www/html')
    expect(refusals([PAGES], found)).toEqual([])
    expect(refusals([{ ...PAGES, options: 'rw,soft' }], found)).toEqual([
      'nfs.0.target: 10.10.10.40:/srv//www/ without soft,rw is mounted at /var/www/html already, and not by rs-agent',
    ])
  })

  it('is respected where fstab mounts it at boot, and then has no unit of ours', () => {
    const fstabLines = { '/var/www/html': '10.10.10.40:/srv/www /var/www/html nfs4 ro,hard 0 0' }
    expect(subjects(planned([PAGES], host({ fstabLines })))).toEqual(['create /var/www/html'])
  })

  it('says what it hides', () => {
    const filled = folder('a', 'b', 'c', 'd')
    const found = host({ folders: { '/var/www/html': filled } })
    expect(tellOfMounts({ nfs: [PAGES] }, found)).toEqual([
      '/var/www/html is not empty: a, b, c and more in it cannot be seen while the share is mounted there',
    ])
    expect(tellOfMounts({ nfs: [PAGES] }, host())).toEqual([])
  })
})

describe('nfsInterest', () => {
  it('looks at the folders on the way, and at units of others', () => {
    const { folders, files, bootUnits } = nfsInterest([PAGES], [])
    expect(folders).toEqual(['/var', '/var/www', '/var/www/html'])
    expect(bootUnits).toEqual(['var-www-html.mount', 'var-www-html.automount'])
    expect(files).toContain('usr/lib/systemd/system/var-www-html.mount')
  })
})

const OTHERS_UNIT = {
  content: '[Mount]\nWhat=10.10.10.9:/x\nWhere=/var/www/html\n',
  mode: 0o644,
  uid: 0,
  gid: 0,
}

describe('servingInterest', () => {
  it('looks for the units of a share that somebody else had mounted before, when the role is taken off', () => {
    const path = 'etc/systemd/system/var-www-html.mount'
    const name = 'var-www-html.automount'
    const ours = { resource: 'nfs-boot', onRemove: 'put-back', value: null } as const
    const priors: Prior[] = [
      { ...ours, kind: 'unit-file', id: { path } },
      { ...ours, kind: 'boot-unit', id: { name } },
    ]
    expect(servingInterest(null, { priors })).toMatchObject({ files: [path], serving: { bootUnits: [name] } })
  })
})

describe('a share is refused', () => {
  const folders = (path: string, sight: FoundServing['folders'][string]): Partial<FoundServing> => ({
    folders: { ...host().serving?.folders, [path]: sight },
  })
  const disk = { source: '/dev/sdb1', target: '/var/www/html', type: 'ext4', options: 'rw' }
  const line = (text: string): Partial<FoundServing> => ({ fstabLines: { '/var/www/html': text } })

  it.each<[string, WantedShare, FoundHost, string]>([
    [
      'where another file system is mounted',
      PAGES,
      host({ mounts: [disk] }),
      '/dev/sdb1, ext4, is mounted at /var/www/html already, and not by rs-agent',
    ],
    [
      'where another share is mounted',
      PAGES,
      host({ mounts: [mounted({ ...PAGES, source: '10.10.10.9:/x' })] }),
      '10.10.10.9:/x is mounted at /var/www/html already, and not by rs-agent',
    ],
    [
      'where it would hide another mount',
      PAGES,
      host({ mounts: [{ ...disk, target: '/var/www/html/uploads' }] }),
      '/dev/sdb1 is mounted at /var/www/html/uploads, which a share at /var/www/html would hide',
    ],
    ['at a file', PAGES, host(folders('/var/www/html', { kind: 'other' })), '/var/www/html is not a folder'],
    [
      'at a link',
      PAGES,
      host(folders('/var/www/html', { kind: 'link', to: '/data' })),
      '/var/www/html is a link to /data, and the kernel tells of mounts by their true path',
    ],
    [
      'below a link',
      PAGES,
      host(folders('/var/www', { kind: 'link', to: '/data' })),
      '/var/www is a link to /data, and the kernel tells of mounts by their true path',
    ],
    [
      'at a folder that this host needs',
      { ...PAGES, target: '/var' },
      host(),
      'a share at /var would hide what this host needs to run',
    ],
    [
      'at the folder of rs-agent’s own memory',
      { ...PAGES, target: '/var/lib/rs-agent' },
      host(),
      'a share at /var/lib/rs-agent would hide what this host needs to run',
    ],
    [
      'at a folder of programs',
      { ...PAGES, target: '/usr/lib' },
      host(),
      'a share at /usr/lib would hide what this host needs to run',
    ],
    [
      'where its own unit would be hidden',
      { ...PAGES, target: '/etc/systemd' },
      host(),
      'a share at /etc/systemd would hide what this host needs to run',
    ],
    [
      'among what rs-agent reads',
      { ...PAGES, target: '/etc/rs-agent/templates' },
      host(),
      'a share at /etc/rs-agent/templates would keep rs-agent waiting whenever its server is dead',
    ],
    [
      'among the kernel’s own files',
      { ...PAGES, target: '/sys/fs/pages' },
      host(),
      '/sys/fs/pages is no place for files: the kernel shows itself there',
    ],
    [
      'at a path that has no unit',
      { ...PAGES, target: `/${'-'.repeat(70)}` },
      host(),
      `systemd has no name for a unit of /${'-'.repeat(70)}`,
    ],
    [
      'where fstab has another source',
      PAGES,
      host(line('10.10.10.9:/x /var/www/html nfs ro 0 0')),
      '/etc/fstab is not by rs-agent, and has 10.10.10.9:/x for /var/www/html at the next boot',
    ],
    [
      'where fstab has a disk',
      PAGES,
      host(line('/dev/sdb1 /var/www/html ext4 rw 0 0')),
      '/etc/fstab is not by rs-agent, and has /dev/sdb1 of type ext4 for /var/www/html at the next boot',
    ],
    [
      'where fstab does not mount it at boot',
      PAGES,
      host(line('10.10.10.40:/srv/www /var/www/html nfs noauto,ro 0 0')),
      '/etc/fstab is not by rs-agent, and has noauto for /var/www/html at the next boot',
    ],
    [
      'where fstab has it to be written to',
      PAGES,
      host(line('10.10.10.40:/srv/www /var/www/html nfs defaults 0 0')),
      '/etc/fstab is not by rs-agent, and has 10.10.10.40:/srv/www without ro for /var/www/html at the next boot',
    ],
    [
      'where a unit of somebody else’s has another source',
      PAGES,
      host(
        { bootUnits: ['var-www-html.mount'] },
        { 'usr/lib/systemd/system/var-www-html.mount': OTHERS_UNIT },
      ),
      '/usr/lib/systemd/system/var-www-html.mount is not by rs-agent, and has 10.10.10.9:/x for /var/www/html at the next boot',
    ],
  ])('%s', (_, share, found, why) => {
    expect(refusals([share], found)).toEqual([`nfs.0.target: ${why}`])
  })

  it('while another one is mounted in it, which cannot be mounted anew', () => {
    const steps = planned([PAGES], host())
    const found = applied(steps, host())
    found.serving?.mounts.push(mounted(PICTURES))
    const shares = [{ ...PAGES, options: 'rw' }, PICTURES]
    expect(refusals(shares, found, priorsOf(steps))[0]).toBe(
      'nfs.0.target: /var/www/html has to be mounted anew, and 10.10.10.40:/srv/pictures is mounted in it, at /var/www/html/pictures',
    )
  })
})

describe('what somebody mounted later', () => {
  const OURS = { ...PAGES, target: '/srv/pages' }
  const disk = { source: '/dev/sdb1', target: OURS.target, type: 'ext4', options: 'rw' }
  const share = mounted({ ...OURS, source: '10.10.10.9:/x' })

  it.each([
    ['a disk', disk, folder()],
    ['another share', share, { kind: 'remote' } as const],
  ])('is not taken away when the role goes, nor its folder, and told of: %s', (_, later, sight) => {
    const steps = planned([OURS], host())
    const priors = priorsOf(steps)
    const { serving = host().serving as FoundServing, ...rest } = applied(steps, host())
    const folders = { ...serving.folders, '/srv': folder('pages'), [OURS.target]: sight }
    const found = { ...rest, serving: { ...serving, folders, mounts: [later] } }
    expect(subjects(plan([], priors, found, none))).toEqual([
      'delete srv-pages.automount',
      'delete /etc/systemd/system/srv-pages.automount',
      'delete /etc/systemd/system/srv-pages.mount',
    ])
    expect(tellOfMountsThatStay([], found, priors)).toEqual([
      `what is mounted at ${OURS.target} stays: ${later.source} (${later.type}) was mounted at ${OURS.target} since, and not by rs-agent`,
    ])
    expect(tellOfMountsThatStay([OURS], found, priors)).toEqual([])
  })

  it('in a share of ours keeps that where it is, and is told of', () => {
    const steps = planned([OURS, { ...PICTURES, target: '/srv/pages/img' }], host())
    const priors = priorsOf(steps)
    const found = applied(steps, host())
    expect(subjects(plan([], priors, found, none))).toContain('delete /srv/pages')
    found.serving?.mounts.push({ ...disk, target: '/srv/pages/uploads' })
    const kept = subjects(plan([], priors, found, none))
    expect(kept).toContain('delete /srv/pages/img')
    expect(kept).not.toContain('delete /srv/pages')
    expect(kept).not.toContain('delete folder /srv/pages')
    expect(tellOfMountsThatStay([], found, priors)).toEqual([
      'what is mounted at /srv/pages stays: /dev/sdb1 (ext4) was mounted at /srv/pages/uploads since, which lies in it, and not by rs-agent',
    ])
  })

  it('is told from the share of before, when a run that was to mount another one was killed', () => {
    const before = planned([PAGES], host())
    const found = applied(before, host())
    const other = { ...PAGES, source: '10.10.10.40:/srv/other' }
    const steps = planned([other], found, priorsOf(before))
    // Killed before it could mount: what is for the next boot tells of the new share already.
    const cut = applied(
      steps.filter(({ phase }) => phase === 'configure'),
      found,
    )
    const priors = priorsDuring(priorsOf(before), steps)
    expect(refusals([other], cut, priors)).toEqual([])
    expect(subjects(planned([other], cut, priors))).toEqual(['update /var/www/html'])
    expect(subjects(plan([], priors, cut, none))).toContain('delete /var/www/html')
  })
})
