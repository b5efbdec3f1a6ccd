/** One option of mount(8) or nfs(5): a word, or a word with a value. */
export interface MountOption {
  name: string
  value: string | null
}

/** Options as they are written, with commas between them; nothing for an empty text. */
export function parseMountOptions(text: string): MountOption[] {
  return text
    .split(',')
    .filter(word => word !== '')
    .map(word => {
      const [name = '', ...rest] = word.split('=')
      return { name, value: rest.length === 0 ? null : rest.join('=') }
    })
}

export function writeMountOptions(options: readonly MountOption[]): string {
  return options.map(({ name, value }) => (value === null ? name : `${name}=${value}`)).join(',')
}

/** Words that speak of the same thing, of nfs(5) and mount(8): one of them is enough, and two contradict each other. */
const SAME_THING: readonly (readonly string[])[] = [
  ['nfsvers', 'vers', 'v3', 'v4', 'v4.0', 'v4.1', 'v4.2'],
  ['ro', 'rw'],
  ['soft', 'softerr', 'hard'],
  ['suid', 'nosuid'],
  ['dev', 'nodev'],
  ['exec', 'noexec'],
  ['lock', 'nolock'],
  ['proto', 'tcp', 'udp', 'rdma'],
  ['ac', 'noac'],
  ['cto', 'nocto'],
  ['acl', 'noacl'],
  ['sync', 'async'],
  ['fg', 'bg'],
  ['auto', 'noauto'],
  ['sharecache', 'nosharecache'],
  ['resvport', 'noresvport'],
  ['rdirplus', 'nordirplus'],
  ['softreval', 'nosoftreval'],
]

/** What an option speaks of: the first of the words for it. */
export function topicOf(name: string): string {
  return SAME_THING.find(words => words.includes(name))?.[0] ?? name
}

/** As the words `v3` and `vers=` mean it; null where no version is named. */
export function nfsVersionOf(options: readonly MountOption[]): string | null {
  const option = options.find(({ name }) => topicOf(name) === 'nfsvers')
  return option === undefined ? null : (option.value ?? option.name.slice(1))
}

const VERSIONS = ['3', '4', '4.0', '4.1', '4.2']

/** Words that would make something else of the mount, with what is to be said of them. */
const UNFIT: Record<string, string> = {
  bg: 'no bg, which says that a share is mounted before it is: at boot it is waited for anyway',
  noauto: 'no noauto: the share of a real server is mounted at boot',
  remount: 'no remount: the share is mounted anew where that is needed',
  bind: 'no bind: a share comes from an NFS server',
  rbind: 'no rbind: a share comes from an NFS server',
  move: 'no move: a share comes from an NFS server',
  minorversion: 'nfsvers=4.2 or the like instead of minorversion',
}

/** Options whose value is a number; mount.nfs calls a wrong one by no name. */
const NUMBERS = new Set([
  'timeo',
  'retrans',
  'retry',
  'rsize',
  'wsize',
  'port',
  'mountport',
  'actimeo',
  'acregmin',
  'acregmax',
  'acdirmin',
  'acdirmax',
  'nconnect',
])

/** What is expected instead, in words that follow "expected"; null for options of which a mount can be made. */
export function whyNotMountOptions(text: string): string | null {
  const options = parseMountOptions(text)
  const unfit = options.map(({ name }) => UNFIT[name]).find(why => why !== undefined)
  return unfit ?? contradictionIn(options) ?? wrongValueIn(options)
}

function contradictionIn(options: readonly MountOption[]): string | null {
  for (const { name } of options) {
    const said = options.filter(other => topicOf(other.name) === topicOf(name))
    const names = [...new Set(said.map(other => other.name))]
    if (names.length > 1) return `one of ${names.join(' and ')}, which contradict each other`
    if (said.length > 1) return `${name} once`
  }
  return null
}

function wrongValueIn(options: readonly MountOption[]): string | null {
  const version = nfsVersionOf(options)
  if (version !== null && !VERSIONS.includes(version))
    return `one of the versions ${VERSIONS.join(', ')} of NFS`
  const wrong = options.find(({ name, value }) => NUMBERS.has(name) && !/^[0-9]{1,9}$/.test(value ?? ''))
  return wrong === undefined ? null : `a whole number for ${wrong.name}`
}
