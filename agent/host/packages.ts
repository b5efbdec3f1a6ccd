import { AgentError } from '../errors.ts'
import type { PackageTool } from '../model/distribution.ts'
import { type CommandResult, type Commands, lastWordsOf } from './commands.ts'
import { DIALECTS, type Dialect } from './package-dialects.ts'

/** The packages of the host, by its own package tool. */
export interface Packages {
  readonly tool: PackageTool
  /** Those of the names that are installed, all of their files in place. */
  installed(names: readonly string[]): Promise<ReadonlySet<string>>
  /** Those, and those that are installed only in part: a full disk, or a kill, was in the way. */
  touched(names: readonly string[]): Promise<ReadonlySet<string>>
  /** What an installation of them would bring, these themselves among it; no more where the tool does not say so. */
  expected(names: readonly string[]): Promise<string[]>
  /** Brings to its end what was installed only in part; throws with the tool's own words. */
  finish(watching: PackageWatching): Promise<void>
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
    touched: async names =>
      new Set(names.length === 0 ? [] : await listed(dialect.query(names), dialect.parseTouched)),
    async expected(names) {
      const { rehearse } = dialect
      const brought = rehearse === null ? [] : await listed([...rehearse.list, ...names], rehearse.parse)
      return [...new Set([...names, ...brought])]
    },
    async finish(watching) {
      const { finish } = dialect
      if (finish === null) return
      let result = await run(finish.rest, [], watching)
      if (result !== null && finish.isRefused(result)) {
        // What it could not do the rest does.
        await run(finish.mend, [], watching)
        result = await run(finish.rest, [], watching)
      }
      refuseFailure('install', dialect, [], result)
    },
    async install(names, watching) {
      const before = new Set(await listed(dialect.all, dialect.parse))
      let result = await run(dialect.install, names, watching)
      // What it knows of the packages that there are may be old, or nothing at all.
      if (result !== null && dialect.refresh?.isNeeded(result)) {
        await run(dialect.refresh.command, [], watching)
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
  const what = names.length === 0 ? 'what was begun' : names.join(', ')
  if (result === null)
    throw new AgentError('unsupported', `there is no ${program}`, `${verb} by hand: ${what}`)
  const [reason = ''] = dialect.reason?.exec(result.stdout) ?? []
  const words = reason === '' ? lastWordsOf(result) : reason.replace(/\s*\n\s*/g, ' ')
  if (dialect.isLocked(result)) {
    const [, holder = 'another package tool'] =
      /held by (process \d+ \([^)]*\))/.exec(`${result.stdout}${result.stderr}`) ?? []
    throw new AgentError(
      'locked',
      `cannot ${verb} ${what}: ${holder} is at work: ${words}`,
      'wait until it has ended, and run this again',
    )
  }
  const plain = [program, ...args.filter(word => !word.startsWith('-') && !/::|=/.test(word)), ...names]
  const hint = dialect.finish?.isRefused(result)
    ? `finish what was interrupted: ${dialect.finish.mend.join(' ')}`
    : `does this host reach its package source? try \`${plain.join(' ')}\``
  throw new AgentError('failed', `cannot ${verb} ${what}: ${words}`, hint)
}
