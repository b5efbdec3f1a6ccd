import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseMountOptions, whyNotMountOptions } from '../../agent/model/mount-options.ts'
import { missingOptions } from '../../agent/realserver/nfs/as-mounted.ts'
import { CHOSEN_OPTIONS, shareOptions } from '../../agent/realserver/nfs/options.ts'

const READ_ONLY = 'nfsvers=4.2,ro,soft,timeo=20,retrans=2,actimeo=3,nosuid,nodev,noexec,retry=0'

describe('the options of a share', () => {
  it.each([
    ['', READ_ONLY],
    ['ro,nfsvers=4.2', 'ro,nfsvers=4.2,soft,timeo=20,retrans=2,actimeo=3,nosuid,nodev,noexec,retry=0'],
    ['rw', 'rw,nfsvers=4.2,hard,actimeo=3,nosuid,nodev,noexec,retry=0'],
    ['rw,soft', 'rw,soft,nfsvers=4.2,timeo=20,retrans=2,actimeo=3,nosuid,nodev,noexec,retry=0'],
    ['hard', 'hard,nfsvers=4.2,ro,actimeo=3,nosuid,nodev,noexec,retry=0'],
    ['v4.1,exec,noac', 'v4.1,exec,noac,ro,soft,timeo=20,retrans=2,nosuid,nodev,retry=0'],
    ['timeo=50,retry=1', 'timeo=50,retry=1,nfsvers=4.2,ro,soft,retrans=2,actimeo=3,nosuid,nodev,noexec'],
    ['vers=3', 'vers=3,ro,soft,timeo=20,retrans=2,actimeo=3,nosuid,nodev,noexec,proto=tcp,nolock,retry=0'],
    ['v3,rw,udp', 'v3,rw,udp,hard,actimeo=3,nosuid,nodev,noexec,retry=0'],
    ['_netdev,nofail,x-systemd.idle-timeout=60,nodev', `nodev,${READ_ONLY.replace('nodev,', '')}`],
  ])('of “%s” are those and what a web server needs besides', (written, options) => {
    expect(shareOptions(written).mount).toBe(options)
  })

  it('in fstab wait for a server that is dead at boot, and let this host boot without it', () => {
    expect(shareOptions('').fstab).toBe(`${READ_ONLY.replace(',retry=0', '')},bg,_netdev,nofail`)
  })

  it('say who may write, in which version, and where the server listens', () => {
    expect(shareOptions('rw,vers=4,port=20049')).toMatchObject({ access: 'rw', version: '4', port: 20_049 })
    expect(shareOptions('')).toMatchObject({ access: 'ro', version: '4.2', port: 2049, named: 'ro' })
  })

  it.each(CHOSEN_OPTIONS)('$option is chosen for a reason', ({ reason }) => {
    expect(reason).toMatch(/\w+ \w+/)
  })

  it('never contradict each other, whatever is named', () => {
    const words =
      'ro rw soft softerr hard nosuid suid nodev exec noac lock timeo=9 retrans=1 v3 vers=4 proto=tcp'
    fc.assert(
      fc.property(fc.subarray(words.split(' ')), named => {
        const written = named.join(',')
        fc.pre(whyNotMountOptions(written) === null)
        const { mount, fstab } = shareOptions(written)
        expect(whyNotMountOptions(mount)).toBeNull()
        expect(whyNotMountOptions(fstab.replace(',bg', ''))).toBeNull()
        for (const { name } of parseMountOptions(written))
          expect(parseMountOptions(mount).map(option => option.name)).toContain(name)
      }),
    )
  })
})

describe('options that cannot be', () => {
  it.each([
    ['soft,hard', 'one of soft and hard, which contradict each other'],
    ['ro,timeo=9,rw', 'one of ro and rw, which contradict each other'],
    ['nfsvers=4.2,nfsvers=3', 'nfsvers once'],
    ['v3,vers=4', 'one of v3 and vers, which contradict each other'],
    ['ro,ro', 'ro once'],
    ['nfsvers=2', 'one of the versions 3, 4, 4.0, 4.1, 4.2 of NFS'],
    ['timeo=soon', 'a whole number for timeo'],
    ['actimeo', 'a whole number for actimeo'],
    ['bg', 'no bg, which says that a share is mounted before it is: at boot it is waited for anyway'],
    ['noauto', 'no noauto: the share of a real server is mounted at boot'],
    ['remount,ro', 'no remount: the share is mounted anew where that is needed'],
  ])('%s: expected %s', (written, expected) => {
    expect(whyNotMountOptions(written)).toBe(expected)
  })
})

/** As Linux 7.3 told of mounts with the options of this project. */
const TOLD_42 =
  'ro,nosuid,nodev,noexec,relatime,ro,vers=4.2,rsize=262144,wsize=262144,namlen=255,acregmax=3,acdirmin=3,acdirmax=3,soft,fatal_neterrors=ENETDOWN:ENETUNREACH,proto=tcp,timeo=20,retrans=2,sec=sys,clientaddr=10.10.10.12,local_lock=none,addr=10.10.10.30'
const TOLD_NOAC =
  'ro,relatime,ro,sync,vers=4.1,rsize=262144,wsize=262144,namlen=255,acregmin=0,acregmax=0,acdirmin=0,acdirmax=0,hard,noac,proto=tcp,timeo=600,retrans=2,sec=sys,local_lock=none,addr=10.10.10.30'

describe('missingOptions', () => {
  it.each([
    ['all that is chosen', TOLD_42, shareOptions('').mount, []],
    ['any minor version', TOLD_42, 'nfsvers=4', []],
    ['what the server may lower', TOLD_42, 'rsize=1048576,sec=krb5', []],
    ['what the kernel never tells of', TOLD_42, 'retry=0,nconnect=4,fsc', []],
    ['another version', TOLD_42, 'v4.1', ['v4.1']],
    ['writing', TOLD_42, 'rw', ['rw']],
    ['programs', TOLD_42, 'exec', ['exec']],
    ['other timeouts', TOLD_42, 'hard,timeo=50,retrans=2', ['hard', 'timeo=50']],
    ['a longer memory', TOLD_42, 'actimeo=60', ['actimeo=60']],
    ['a longer memory of files alone', TOLD_42, 'actimeo=3,acregmax=60', ['acregmax=60']],
    [
      'a memory',
      TOLD_NOAC,
      shareOptions('').mount,
      ['nfsvers=4.2', 'soft', 'timeo=20', 'actimeo=3', 'nosuid', 'nodev', 'noexec'],
    ],
    ['no memory', TOLD_NOAC, 'noac,actimeo=0', []],
    ['IPv6', 'proto=tcp6,vers=3,local_lock=all', 'proto=tcp,v3,nolock', []],
    ['locks of its own', 'proto=tcp,vers=3,local_lock=none', 'v3,nolock', ['nolock']],
  ])('sees whether %s is in force', (_, told, wanted, missing) => {
    expect(missingOptions(told, wanted)).toEqual(missing)
  })
})
