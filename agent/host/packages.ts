import { setTimeout as sleep } from 'node:timers/promises'
import { AgentError } from '../errors.ts'
import type { PackageTool } from '../model/distribution.ts'
import { type CommandResult, type Commands, lastWordsOf } from './commands.ts'
import { DIALECTS, type Dialect, LOCK_SECONDS } from './package-dialects.ts'

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
  remove(names: readonly string[], watching: PackageWatching): Promise<Removal>
}

export interface Removal {
  gone: string[]
  staying: string[]
  /** Packages of others for whose sake they stay, as far as the tool tells. */
  neededBy: string[]
}

export interface PackageWatching {
  /** A line of the tool's output. */
  onLine(line: string): void
}

const QUERY_LIMIT_MS = 30_000
/** A slow mirror, and a slow disk behind it. */
const INSTALL_LIMIT_MIN = 30
const INSTALL_LIMIT_MS = INSTALL_LIMIT_MIN * 60_000
/** For the package that it is at: one that is killed in the middle stays half-configured. */
const INSTALL_GRACE_MS = 2 * 60_000

const ENVIRONMENT = {
  DEBIAN_FRONTEND: 'noninteractive',
  // Of Ubuntu, which otherwise asks which services to start anew, or does it.
  NEEDRESTART_MODE: 'l',
  APT_LISTCHANGES_FRONTEND: 'none',
}

export interface Patience {
  /** How long another run of a package tool is waited for. */
  lockMs: number
}

/** The first of the tools that is there; null where none is. */
export async function openPackages(
  commands: Commands,
  tools: readonly PackageTool[],
  patience: Patience = { lockMs: LOCK_SECONDS * 1000 },
): Promise<Packages | null> {
  for (const tool of tools) {
    const found = await commands.run(tool, ['--version'], { timeoutMs: QUERY_LIMIT_MS })
    if (found !== null) return packagesBy(commands, tool, patience)
  }
  return null
}

function packagesBy(commands: Commands, tool: PackageTool, patience: Patience): Packages {
  const dialect = DIALECTS[tool]
  const attempt = (
    [program, ...args]: readonly [string, ...string[]],
    names: readonly string[],
    { onLine }: PackageWatching,
  ): Promise<CommandResult | null> =>
    commands.run(program, [...args, ...names], {
      timeoutMs: INSTALL_LIMIT_MS,
      graceMs: INSTALL_GRACE_MS,
      env: ENVIRONMENT,
      onLine,
    })
  const run = (...work: Parameters<typeof attempt>): Promise<CommandResult | null> =>
    untilUnlocked(dialect, patience, () => attempt(...work))
  const listed = async (
    [program, ...args]: readonly [string, ...string[]],
    parse: (line: string) => string | null,
    timeoutMs = QUERY_LIMIT_MS,
  ): Promise<string[]> => {
    const result = await commands.run(program, args, { timeoutMs })
    const lines = result?.stdout.split('\n') ?? []
    return lines.map(parse).filter(name => name !== null)
  }
  const installed = async (names: readonly string[]): Promise<ReadonlySet<string>> =>
    new Set(names.length === 0 ? [] : await listed(dialect.query(names), dialect.parse))
  const takeOff = async (names: readonly string[], watching: PackageWatching): Promise<void> => {
    if (names.length > 0) refuseFailure('remove', dialect, names, await run(dialect.remove, names, watching))
  }
  return {
    tool,
    installed,
    touched: async names =>
      new Set(names.length === 0 ? [] : await listed(dialect.query(names), dialect.parseTouched)),
    async expected(names) {
      const { rehearse } = dialect
      // It may have to ask its mirror first what there is.
      const brought =
        rehearse === null ? [] : await listed([...rehearse.list, ...names], rehearse.parse, INSTALL_LIMIT_MS)
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
      let before: ReadonlySet<string> = new Set()
      const installNow = () =>
        untilUnlocked(dialect, patience, async () => {
          // Each time: what another run installs meanwhile did not come with these.
          before = new Set(await listed(dialect.all, dialect.parse))
          return attempt(dialect.install, names, watching)
        })
      let result = await installNow()
      // What it knows of the packages that there are may be old, or nothing at all.
      if (result !== null && !isDone(dialect, result) && dialect.refresh?.isNeeded(result)) {
        await run(dialect.refresh.command, [], watching)
        result = await installNow()
      }
      refuseFailure('install', dialect, names, result)
      return (await listed(dialect.all, dialect.parse)).filter(name => !before.has(name))
    },
    async remove(names, watching) {
      // What came only because the others need it goes when the tool itself says that nobody does any more.
      const { unneeded } = dialect
      const isOnlyNeeded = new Set(unneeded === null ? [] : await onlyNeeded(commands, names))
      const removable = (some: readonly string[]) => neededByNobodyElse(commands, dialect, some, names)
      await takeOff(await removable(names.filter(name => !isOnlyNeeded.has(name))), watching)
      if (unneeded !== null) {
        const left = await listed(unneeded.list, unneeded.parse)
        await takeOff(await removable(left.filter(name => isOnlyNeeded.has(name))), watching)
      }
      const still = await installed(names)
      const staying = names.filter(name => still.has(name))
      return {
        gone: names.filter(name => !still.has(name)),
        staying,
        neededBy: staying.length === 0 ? [] : await needersOf(commands, dialect, staying, names),
      }
    },
  }
}

/** The first pause before a tool that found another one at work is tried again; the next ones double. */
const PAUSE_MS = 1000

/** Some of them wait by themselves, and then this does not. */
async function untilUnlocked(
  dialect: Dialect,
  { lockMs }: Patience,
  attempt: () => Promise<CommandResult | null>,
): Promise<CommandResult | null> {
  const end = performance.now() + lockMs
  for (let pauseMs = PAUSE_MS; ; pauseMs *= 2) {
    const result = await attempt()
    const leftMs = end - performance.now()
    if (result === null || isDone(dialect, result) || !dialect.isLocked(result) || leftMs <= 0) return result
    await sleep(Math.min(pauseMs, leftMs))
  }
}

function isDone({ done }: Dialect, { exitStatus }: CommandResult): boolean {
  return exitStatus !== null && done.includes(exitStatus)
}

/**
 * Those of the names that can be taken off with nothing that is not among ours: of a ring that has to stay, all stay.
 */
async function neededByNobodyElse(
  commands: Commands,
  dialect: Dialect,
  names: readonly string[],
  ours: readonly string[],
): Promise<string[]> {
  const canGo = async (some: readonly string[]): Promise<boolean> =>
    (await needersOf(commands, dialect, some, ours)).length === 0
  if (names.length === 0 || (await canGo(names))) return [...names]
  const going: string[] = []
  for (;;) {
    const before = going.length
    for (const name of names) if (!going.includes(name) && (await canGo([...going, name]))) going.push(name)
    if (going.length === before) return going
  }
}

/** What is not ours, and would go with the names or keeps them. */
async function needersOf(
  commands: Commands,
  dialect: Dialect,
  names: readonly string[],
  ours: readonly string[],
): Promise<string[]> {
  if (dialect.trial === null) return []
  const [program, ...args] = dialect.trial.command
  const result = await commands.run(program, [...args, ...names], { timeoutMs: QUERY_LIMIT_MS })
  const lines = result === null ? [] : `${result.stdout}\n${result.stderr}`.split('\n')
  const needers = lines.map(dialect.trial.parse).filter(name => name !== null && !ours.includes(name))
  if (needers.length === 0) refuseFailure('remove', dialect, names, result)
  return [...new Set(needers as string[])]
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
  if (result !== null && isDone(dialect, result)) return
  const [program, ...args] = dialect[verb]
  const what = names.length === 0 ? 'what was begun' : names.join(', ')
  if (result === null)
    throw new AgentError('unsupported', `there is no ${program}`, `${verb} by hand: ${what}`)
  if (result.isOverdue)
    throw new AgentError(
      'failed',
      `cannot ${verb} ${what}: ${program} did not end within ${INSTALL_LIMIT_MIN} min, and was ended`,
      dialect.finish === null ? `try it by hand: ${program} ${verb}` : hintToFinish(dialect.finish),
    )
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
    ? hintToFinish(dialect.finish)
    : `does this host reach its package source? try \`${plain.join(' ')}\``
  throw new AgentError('failed', `cannot ${verb} ${what}: ${words}`, hint)
}

function hintToFinish({ mend }: NonNullable<Dialect['finish']>): string {
  return `finish what was interrupted: ${mend.join(' ')}`
}
