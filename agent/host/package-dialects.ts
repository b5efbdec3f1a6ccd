import type { PackageTool } from '../model/distribution.ts'
import type { CommandResult } from './commands.ts'

/** How one package tool is spoken to. */
export interface Dialect {
  /** Prints the names that are installed, one in a line, and fails or not for the others. */
  query(names: readonly string[]): [string, ...string[]]
  all: readonly [string, ...string[]]
  /** The name that a line of `query` or `all` says is installed. */
  parse(line: string): string | null
  /** The name that such a line says is installed, or only in part, where there is such a thing. */
  parseTouched(line: string): string | null
  /** Where the tool does not look by itself for what there is: what it says then, and how it is told to. */
  refresh: { isNeeded(result: CommandResult): boolean; command: readonly [string, ...string[]] } | null
  install: readonly [string, ...string[]]
  remove: readonly [string, ...string[]]
  /** Where removing leaves behind what was only needed: tells, in lines, what nobody needs any more. */
  unneeded: { list: readonly [string, ...string[]]; parse(line: string): string | null } | null
  /** Where it tells beforehand all that an installation would bring: prints that in lines. */
  rehearse: { list: readonly [string, ...string[]]; parse(line: string): string | null } | null
  /** The first reason for a failure, where the last words have none. */
  reason: RegExp | null
  /** What it says, or ends with, when another run of a package tool is under way. */
  isLocked(result: CommandResult): boolean
  /** What brings an installation to its end that was killed; null where the next one needs nothing of the kind. */
  finish: {
    /** Refused until `mend` has run. */
    isRefused(result: CommandResult): boolean
    mend: readonly [string, ...string[]]
    rest: readonly [string, ...string[]]
  } | null
}

/** How long the tool waits for another run of its kind, in seconds. */
const LOCK_SECONDS = 60

/** Of a tool that installs a package as a whole or not at all, and looks by itself for what there is. */
const WHOLE = { refresh: null, unneeded: null, rehearse: null, reason: null, finish: null } as const

const parseRpm = (line: string): string | null => (/^\S+$/.test(line.trim()) ? line.trim() : null)
const RPM = {
  query: (names: readonly string[]): [string, ...string[]] => ['rpm', '-q', '--qf', '%{NAME}\\n', ...names],
  all: ['rpm', '-qa', '--qf', '%{NAME}\\n'],
  parse: parseRpm,
  parseTouched: parseRpm,
} as const

const dnf = (tool: 'dnf' | 'yum'): Dialect => ({
  ...WHOLE,
  ...RPM,
  install: [tool, '-y', '--setopt=install_weak_deps=False', 'install'],
  remove: [tool, '-y', 'remove'],
  isLocked: ({ stdout, stderr }) =>
    /waiting for process with pid|another app is currently holding/i.test(`${stdout}${stderr}`),
})

// biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own language
const STATUS = '${Package} ${db:Status-Status}\\n'

/** Configuration that somebody has changed stays as it is. */
const CONFIGURATION_STAYS = '--force-confold'
const APT = [
  'apt-get',
  '-q',
  '-y',
  '-o',
  `Dpkg::Options::=${CONFIGURATION_STAYS}`,
  '-o',
  `DPkg::Lock::Timeout=${LOCK_SECONDS}`,
] as const
const FEW = ['--no-install-recommends'] as const

export const DIALECTS: Record<PackageTool, Dialect> = {
  'apt-get': {
    query: names => ['dpkg-query', '-W', '-f', STATUS, '--', ...names],
    all: ['dpkg-query', '-W', '-f', STATUS],
    parse: line => /^(\S+) installed$/.exec(line)?.[1] ?? null,
    parseTouched: line => /^(\S+) (?!not-installed|config-files)/.exec(line)?.[1] ?? null,
    unneeded: { list: ['apt-get', '-s', 'autoremove'], parse: line => /^Remv (\S+)/.exec(line)?.[1] ?? null },
    refresh: {
      isNeeded: ({ stderr }) =>
        /Unable to (?:locate|fetch)|no installation candidate|Failed to fetch/.test(stderr),
      command: ['apt-get', '-q', 'update'],
    },
    rehearse: {
      list: ['apt-get', '-s', ...FEW, 'install'],
      parse: line => /^Inst (\S+)/.exec(line)?.[1] ?? null,
    },
    install: [...APT, ...FEW, 'install'],
    remove: [...APT, 'purge'],
    finish: {
      isRefused: ({ stderr }) => stderr.includes('dpkg was interrupted'),
      mend: ['dpkg', CONFIGURATION_STAYS, '--configure', '-a'],
      rest: [...APT, ...FEW, '--fix-broken', 'install'],
    },
    // Its lines end as on a terminal, by \r\n.
    reason: /^dpkg: error [^\n]*\n[^\r\n]+/m,
    isLocked: ({ stderr }) => /Could not get lock|Unable to (?:acquire|lock)/.test(stderr),
  },
  dnf: dnf('dnf'),
  yum: dnf('yum'),
  zypper: {
    ...WHOLE,
    ...RPM,
    install: ['zypper', '--non-interactive', 'install', '--no-recommends', '--auto-agree-with-licenses'],
    remove: ['zypper', '--non-interactive', 'remove', '--clean-deps'],
    // ZYPPER_EXIT_ZYPP_LOCKED, zypper(8).
    isLocked: ({ exitStatus }) => exitStatus === 7,
  },
  apk: {
    ...WHOLE,
    query: names => ['apk', 'info', '-e', ...names],
    all: ['apk', 'info'],
    parse: line => line.trim() || null,
    parseTouched: line => line.trim() || null,
    install: ['apk', '--wait', String(LOCK_SECONDS), '--no-progress', '--update-cache', 'add'],
    remove: ['apk', '--wait', String(LOCK_SECONDS), '--no-progress', 'del', '--purge'],
    isLocked: ({ stderr }) => /Unable to lock database/.test(stderr),
  },
}
