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
  /** What it ends with when all is done. */
  done: readonly number[]
  /**
   * Where removing takes off as well what needs the packages: removes nothing, and tells in lines what else that is
   * installed needs one of the names that follow.
   */
  trial: { command: readonly [string, ...string[]]; parse(line: string): string | null } | null
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

/** How long another run of a package tool is waited for. */
export const LOCK_SECONDS = 60

const USUAL = { done: [0], reason: null } as const
/** Of a tool that installs a package as a whole or not at all. */
const WHOLE = { ...USUAL, trial: null, unneeded: null, finish: null } as const

/** The keys that packages are signed with stand among the packages, and no tool but rpm itself takes them off. */
const parseRpm = (line: string): string | null => {
  const name = line.trim()
  return /^\S+$/.test(name) && name !== 'gpg-pubkey' ? name : null
}
const RPM = {
  trial: {
    command: ['rpm', '-e', '--test', '--allmatches'],
    parse: (line: string) => / is needed by (?:\(installed\) )?(\S+)/.exec(line)?.[1] ?? null,
  },
  query: (names: readonly string[]): [string, ...string[]] => ['rpm', '-q', '--qf', '%{NAME}\\n', ...names],
  all: ['rpm', '-qa', '--qf', '%{NAME}\\n'],
  parse: parseRpm,
  parseTouched: parseRpm,
} as const

/** Of rpm, when a tool other than this one is at work. */
const RPM_LOCK = /create transaction lock on|Failed to obtain (?:the|rpm) transaction lock/

// Of version 4 and 5 alike. yum is another name of it wherever Node.js runs.
const dnf = (tool: 'dnf' | 'yum'): Dialect => {
  // Else it waits as long as the other run takes; and takes off what came to be unneeded before us.
  const common = ['--setopt=exit_on_lock=True', '--setopt=clean_requirements_on_remove=False'] as const
  const install = [...common, '--setopt=install_weak_deps=False', 'install'] as const
  return {
    ...WHOLE,
    ...RPM,
    refresh: {
      isNeeded: ({ stdout, stderr }) =>
        /No match for argument|[Mm]irrors (?:were tried|to try)|Cannot download|Error opening/.test(
          stdout + stderr,
        ),
      command: [tool, '-y', '--setopt=exit_on_lock=True', '--refresh', 'makecache'],
    },
    // Of its table the lines of packages; a name that leaves no room in its line stands there alone.
    rehearse: {
      list: [tool, '--assumeno', ...install],
      parse: line => /^ ([^\s:]+)(?: +\S+ +\S+ +\S+ +[\d.]+ .*)?$/.exec(line)?.[1] ?? null,
    },
    install: [tool, '-y', ...install],
    remove: [tool, '-y', ...common, 'remove'],
    // 200: "a problem with acquiring or releasing of locks", dnf(8).
    isLocked: ({ exitStatus, stdout, stderr }) => exitStatus === 200 || RPM_LOCK.test(stdout + stderr),
  }
}

const ZYPPER = ['zypper', '--non-interactive'] as const
const ZYPPER_INSTALL = ['--no-recommends', '--auto-agree-with-licenses'] as const

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

const parseRemoved = (line: string): string | null => /^(?:Remv|Purg) (\S+)/.exec(line)?.[1] ?? null

export const DIALECTS: Record<PackageTool, Dialect> = {
  'apt-get': {
    ...USUAL,
    query: names => ['dpkg-query', '-W', '-f', STATUS, '--', ...names],
    all: ['dpkg-query', '-W', '-f', STATUS],
    parse: line => /^(\S+) installed$/.exec(line)?.[1] ?? null,
    parseTouched: line => /^(\S+) (?!not-installed|config-files)/.exec(line)?.[1] ?? null,
    trial: { command: ['apt-get', '-s', 'purge'], parse: parseRemoved },
    unneeded: { list: ['apt-get', '-s', 'autoremove'], parse: parseRemoved },
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
    // zypper(8): to be started again, a reboot is needed, some other repository failed, a script of a package failed.
    done: [0, 102, 103, 106, 107],
    refresh: {
      // ZYPPER_EXIT_INF_CAP_NOT_FOUND and ZYPPER_EXIT_ERR_COMMIT.
      isNeeded: ({ exitStatus, stdout, stderr }) =>
        exitStatus === 104 || (exitStatus === 8 && /not found on medium|Download/.test(stdout + stderr)),
      command: [...ZYPPER, 'refresh'],
    },
    rehearse: {
      list: [...ZYPPER, '--xmlout', 'install', '--dry-run', ...ZYPPER_INSTALL],
      parse: line => /^<solvable type="package" name="([^"]+)"/.exec(line.trim())?.[1] ?? null,
    },
    install: [...ZYPPER, 'install', ...ZYPPER_INSTALL],
    remove: [...ZYPPER, 'remove', '--no-clean-deps'],
    // ZYPPER_EXIT_ZYPP_LOCKED.
    isLocked: ({ exitStatus, stdout, stderr }) => exitStatus === 7 || RPM_LOCK.test(stdout + stderr),
  },
  apk: {
    ...WHOLE,
    refresh: null,
    rehearse: null,
    query: names => ['apk', 'info', '-e', ...names],
    all: ['apk', 'info'],
    parse: line => line.trim() || null,
    parseTouched: line => line.trim() || null,
    install: ['apk', '--wait', String(LOCK_SECONDS), '--no-progress', '--update-cache', 'add'],
    remove: ['apk', '--wait', String(LOCK_SECONDS), '--no-progress', 'del', '--purge'],
    isLocked: ({ stderr }) => /Unable to lock database/.test(stderr),
  },
}
