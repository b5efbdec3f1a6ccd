import {
  type MountOption,
  nfsVersionOf,
  parseMountOptions,
  topicOf,
  writeMountOptions,
} from '../../model/mount-options.ts'

/** A share's options, as they are used in each place, and what they mean. */
export interface ShareOptions {
  access: 'ro' | 'rw'
  /** 3, 4, 4.0, 4.1 or 4.2. */
  version: string
  /** Where the NFS server listens. */
  port: number
  /** What the configuration insists on, whoever mounts it: what it names, and whether it may be written to. */
  named: string
  /** For a mount that somebody waits for: that of apply, and of systemd when somebody comes to the folder. */
  mount: string
  /** For a line of fstab(5), read once at boot. */
  fstab: string
}

/** One option that is chosen where the user names none of its topic. */
interface ChosenOption {
  option: string
  /** Why a web server wants it so. */
  reason: string
  /** Whether it is for this share; for every one without it. */
  when?: (named: Named) => boolean
  /** Options that settle the same matter by other words. */
  unless?: readonly string[]
}

interface Named {
  access: 'ro' | 'rw'
  version: string
  isSoft: boolean
}

/** What is not named in the configuration, with a reason each. */
export const CHOSEN_OPTIONS: readonly ChosenOption[] = [
  {
    option: 'nfsvers=4.2',
    reason: 'one TCP port, no portmapper; without it client and server may agree on an older one unseen',
  },
  {
    option: 'ro',
    reason: 'pages come from the server: a break-in here must not reach the other real servers',
  },
  {
    option: 'soft',
    reason: 'of a dead server a reader gets an error, which the web server can tell, and no process hangs',
    when: ({ access }) => access === 'ro',
  },
  {
    option: 'hard',
    reason: 'an error in the middle of writing loses data: a writer waits until the server is back',
    when: ({ access }) => access === 'rw',
  },
  {
    option: 'timeo=20',
    reason: 'tenths of a second until a request is given up for the first time; the default is a minute',
    when: ({ isSoft }) => isSoft,
  },
  {
    option: 'retrans=2',
    reason: 'with timeo=20 a dead server is an error after 2 + 2·2 = 6 seconds, and a slow disk is none',
    when: ({ isSoft }) => isSoft,
  },
  {
    option: 'actimeo=3',
    reason: 'an edited page, and a new one, are seen after 3 seconds at the latest, not after 60',
    unless: ['acregmin', 'acregmax', 'acdirmin', 'acdirmax', 'noac'],
  },
  { option: 'nosuid', reason: 'no program gets the rights of its owner because it lies among pages' },
  { option: 'nodev', reason: 'no device either' },
  {
    option: 'noexec',
    reason: 'what was uploaded as a page is not started as a program; scripts of CGI need `exec`',
  },
  {
    option: 'proto=tcp',
    reason: 'also for mounting; over UDP large answers come to harm unseen on fast networks, nfs(5)',
    when: ({ version }) => version === '3',
  },
  {
    option: 'nolock',
    reason:
      'who only reads locks nothing: no rpc.statd and no rpcbind have to run here; writers need real locks',
    when: ({ access, version }) => access === 'ro' && version === '3',
  },
]

const FOR_NOW: readonly ChosenOption[] = [
  {
    option: 'retry=0',
    reason: 'mount.nfs tries a server that is not there for two minutes: here somebody waits for an answer',
  },
]

const FOR_BOOT: readonly ChosenOption[] = [
  {
    option: 'bg',
    reason:
      'a server that is dead at boot is tried until it is there; systemd reads it likewise, if it boots',
  },
  { option: '_netdev', reason: 'not before the network' },
  { option: 'nofail', reason: 'this host boots, and can be reached, without the NFS server as well' },
]

const NFS_PORT = 2049

/** The options of a share: those that were named, and those chosen for it. */
export function shareOptions(text: string): ShareOptions {
  const named = parseMountOptions(text)
  const has = (name: string): boolean => named.some(option => option.name === name)
  const version = nfsVersionOf(named) ?? '4.2'
  const access = has('rw') ? 'rw' : 'ro'
  const isSoft = has('soft') || has('softerr') || (access === 'ro' && !has('hard'))
  const chosen = (rows: readonly ChosenOption[]): MountOption[] =>
    rows
      .filter(row => isMissing(row, named) && row.when?.({ access, version, isSoft }) !== false)
      .flatMap(({ option }) => parseMountOptions(option))
  const common = [...named, ...chosen(CHOSEN_OPTIONS)]
  const mounting = common.filter(({ name }) => !isForFstab(name))
  const port = named.find(({ name }) => name === 'port')?.value
  return {
    access,
    version,
    port: port === undefined || port === null || port === '0' ? NFS_PORT : Number(port),
    named: writeMountOptions([
      ...named.filter(({ name }) => !isForFstab(name) && topicOf(name) !== 'ro'),
      { name: access, value: null },
    ]),
    mount: writeMountOptions([...mounting, ...chosen(FOR_NOW)]),
    fstab: writeMountOptions([...common, ...chosen(FOR_BOOT)]),
  }
}

function isMissing({ option, unless = [] }: ChosenOption, named: readonly MountOption[]): boolean {
  const topics = parseMountOptions(option).map(({ name }) => topicOf(name))
  return !named.some(({ name }) => topics.includes(topicOf(name)) || unless.includes(name))
}

/** Words that only say when, and by whom, a line of fstab is mounted: fstab(5), systemd.mount(5). */
function isForFstab(name: string): boolean {
  return FSTAB_WORDS.includes(name) || /^x-/i.test(name)
}

const FSTAB_WORDS = ['auto', 'defaults', '_netdev', 'nofail', 'user', 'users', 'nouser', 'owner', 'group']
