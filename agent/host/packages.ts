import { AgentError } from '../errors.ts'
import type { PackageTool } from '../model/distribution.ts'
import { type CommandResult, type Commands, lastWordsOf } from './commands.ts'

/** The packages of the host, by its own package tool. */
export interface Packages {
  readonly tool: PackageTool
  /** Those of the names that are installed, all of their files in place. */
  installed(names: readonly string[]): Promise<ReadonlySet<string>>
  /**
   * All of them or none, with nobody asked anything; resolves with the names of all that came, what these need among
   * them. Throws with the tool's own words.
   */
  install(names: readonly string[], watching: PackageWatching): Promise<string[]>
  /** With their configuration, where the tool keeps it otherwise. What others need by now stays. */
  remove(names: readonly string[], watching: PackageWatching): Promise<void>
}

export interface PackageWatching {
  /** A line of the tool's output. */
  onLine(line: string): void
}

interface Dialect {
  /** Prints the names that are installed, one in a line, and fails or not for the others. */
  query(names: readonly string[]): [string, ...string[]]
  all: readonly [string, ...string[]]
  /** The name that a line of `query` or `all` says is installed. */
  parse(line: string): string | null
  /** Before the installation, where the tool does not look by itself for what there is. */
  refresh: readonly [string, ...string[]] | null
  install: readonly [string, ...string[]]
  remove: readonly [string, ...string[]]
  /** Where removing leaves behind what was only needed: tells, in lines, what nobody needs any more. */
  unneeded: { list: readonly [string, ...string[]]; parse(line: string): string | null } | null
  /** What it says, or ends with, when another run of a package tool is under way. */
  isLocked(result: CommandResult): boolean
}

/** How long the tool waits for another run of its kind, in seconds. */
const LOCK_SECONDS = 60

const rpmQuery: Pick<Dialect, 'query' | 'all' | 'parse' | 'unneeded' | 'refresh'> = {
  query: (names: readonly string[]): [string, ...string[]] => ['rpm', '-q', '--qf', '%{NAME}\\n', ...names],
  all: ['rpm', '-qa', '--qf', '%{NAME}\\n'],
  parse: (line: string) => (/^\S+$/.test(line.trim()) ? line.trim() : null),
  unneeded: null,
  refresh: null,
}

const dnf = (tool: 'dnf' | 'yum'): Dialect => ({
  ...rpmQuery,
  install: [tool, '-y', '--setopt=install_weak_deps=False', 'install'],
  remove: [tool, '-y', 'remove'],
  isLocked: ({ stdout, stderr }) =>
    /waiting for process with pid|another app is currently holding/i.test(`${stdout}${stderr}`),
})

// biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own language
const STATUS = '${Package} ${db:Status-Status}\\n'

const DIALECTS: Record<PackageTool, Dialect> = {
  'apt-get': {
    query: names => ['dpkg-query', '-W', '-f', STATUS, '--', ...names],
    all: ['dpkg-query', '-W', '-f', STATUS],
    parse: line => /^(\S+) installed$/.exec(line)?.[1] ?? null,
    unneeded: { list: ['apt-get', '-s', 'autoremove'], parse: line => /^Remv (\S+)/.exec(line)?.[1] ?? null },
    refresh: ['apt-get', '-q', 'update'],
    install: [
      'apt-get',
      '-q',
      '-y',
      // Configuration that somebody has changed stays as it is.
      '-o',
      'Dpkg::Options::=--force-confold',
      '-o',
      `DPkg::Lock::Timeout=${LOCK_SECONDS}`,
      '--no-install-recommends',
      'install',
    ],
    remove: ['apt-get', '-q', '-y', '-o', `DPkg::Lock::Timeout=${LOCK_SECONDS}`, 'purge'],
    isLocked: ({ stderr }) => /Could not get lock|Unable to (?:acquire|lock)/.test(stderr),
  },
  dnf: dnf('dnf'),
  yum: dnf('yum'),
  zypper: {
    ...rpmQuery,
    install: ['zypper', '--non-interactive', 'install', '--no-recommends', '--auto-agree-with-licenses'],
    remove: ['zypper', '--non-interactive', 'remove', '--clean-deps'],
    // ZYPPER_EXIT_ZYPP_LOCKED, zypper(8).
    isLocked: ({ exitStatus }) => exitStatus === 7,
  },
  apk: {
    query: names => ['apk', 'info', '-e', ...names],
    all: ['apk', 'info'],
    unneeded: null,
    parse: line => line.trim() || null,
    refresh: null,
    install: ['apk', '--wait', String(LOCK_SECONDS), '--no-progress', '--update-cache', 'add'],
    remove: ['apk', '--wait', String(LOCK_SECONDS), '--no-progress', 'del', '--purge'],
    isLocked: ({ stderr }) => /Unable to lock database/.test(stderr),
  },
}

const QUERY_LIMIT_MS = 30_000
/** A slow mirror, and a slow disk behind it. */
const INSTALL_LIMIT_MS = 30 * 60_000

const ENVIRONMENT = {
  DEBIAN_FRONTEND: 'noninteractive',
  // Of Ubuntu, which otherwise asks which services to start anew, or does it.
  NEEDRESTART_MODE: 'l',
  APT_LISTCHANGES_FRONTEND: 'none',
}

/** The first of the tools that is there; null where none is. */
export async function openPackages(
  commands: Commands,
  tools: readonly PackageTool[],
): Promise<Packages | null> {
  for (const tool of tools) {
    const found = await commands.run(tool, ['--version'], { timeoutMs: QUERY_LIMIT_MS })
    if (found !== null) return packagesBy(commands, tool)
  }
  return null
}

function packagesBy(commands: Commands, tool: PackageTool): Packages {
  const dialect = DIALECTS[tool]
  const run = async (
    [program, ...args]: readonly [string, ...string[]],
    names: readonly string[],
    { onLine }: PackageWatching,
  ): Promise<CommandResult | null> =>
    commands.run(program, [...args, ...names], { timeoutMs: INSTALL_LIMIT_MS, env: ENVIRONMENT, onLine })
  const listed = async (
    [program, ...args]: readonly [string, ...string[]],
    parse: (line: string) => string | null,
  ): Promise<string[]> => {
    const result = await commands.run(program, args, { timeoutMs: QUERY_LIMIT_MS })
    const lines = result?.stdout.split('\n') ?? []
    return lines.map(parse).filter(name => name !== null)
  }
  return {
    tool,
    installed: async names =>
      new Set(names.length === 0 ? [] : await listed(dialect.query(names), dialect.parse)),
    async install(names, watching) {
      const before = new Set(await listed(dialect.all, dialect.parse))
      let result = await run(dialect.install, names, watching)
      // What it knows of the packages that there are may be old, or nothing at all.
      const isWorthAnother = result !== null && result.exitStatus !== 0 && !dialect.isLocked(result)
      if (isWorthAnother && dialect.refresh !== null) {
        await run(dialect.refresh, [], watching)
        result = await run(dialect.install, names, watching)
      }
      refuseFailure('install', dialect, names, result)
      return (await listed(dialect.all, dialect.parse)).filter(name => !before.has(name))
    },
    async remove(names, watching) {
      const { unneeded } = dialect
      // What came only because the others need it goes when the tool itself says that nobody does any more.
      const isOnlyNeeded = new Set(unneeded === null ? [] : await onlyNeeded(commands, names))
      const wanted = names.filter(name => !isOnlyNeeded.has(name))
      refuseFailure('remove', dialect, wanted, await run(dialect.remove, wanted, watching))
      if (unneeded === null) return
      const left = (await listed(unneeded.list, unneeded.parse)).filter(name => isOnlyNeeded.has(name))
      if (left.length > 0) refuseFailure('remove', dialect, left, await run(dialect.remove, left, watching))
    },
  }
}

/** Those that apt-get has marked as brought along. */
async function onlyNeeded(commands: Commands, names: readonly string[]): Promise<string[]> {
  const result = await commands.run('apt-mark', ['showauto', '--', ...names], { timeoutMs: QUERY_LIMIT_MS })
  return result?.stdout.split('\n').filter(name => name !== '') ?? []
}

function refuseFailure(
  verb: 'install' | 'remove',
  dialect: Dialect,
  names: readonly string[],
  result: CommandResult | null,
): void {
  if (result?.exitStatus === 0) return
  const [program, ...args] = dialect[verb]
  const command = [
    program,
    ...args.filter(word => !word.startsWith('-') && !word.includes('::')),
    ...names,
  ].join(' ')
  if (result === null)
    throw new AgentError('unsupported', `there is no ${program}`, `${verb} by hand: ${names.join(', ')}`)
  if (dialect.isLocked(result))
    throw new AgentError(
      'locked',
      `cannot ${verb} ${names.join(', ')}: another package tool is at work: ${lastWordsOf(result)}`,
      'wait until it has ended, and run this again',
    )
  throw new AgentError(
    'failed',
    `cannot ${verb} ${names.join(', ')}: ${lastWordsOf(result)}`,
    `does this host reach its package source? try \`${command}\``,
  )
}
