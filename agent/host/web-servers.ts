import { AgentError } from '../errors.ts'
import { type IpAddress, withPort } from '../model/address.ts'
import type { WebServerName, WebServerPlace } from '../model/distribution.ts'
import { type ListenDirective, listenDirectivesIn } from '../model/listen-directives.ts'
import { type Commands, lastWordsOf, mustRun } from './commands.ts'
import type { Files } from './files.ts'
import type { InitSystem } from './init-system.ts'
import { type ListeningProcess, processesListeningOn, processName } from './listening-process.ts'
import { askPage } from './web-pages.ts'

/** How a web server of the host is. */
export interface WebServerForm {
  /** Started at boot; false where nothing starts services. */
  enabled: boolean
  running: boolean
  /** Our site, as the running server tells of it; null when it serves none, or does not answer. */
  site: ServedSite | null
}

export interface ServedSite {
  /** Of its configuration: 12 hexadecimal digits. */
  revision: string
  /** Where it was asked. */
  address: IpAddress
  port: number
}

/** Where to ask a web server for our site. */
export interface WebServerQuestion {
  server: WebServerName
  /** Of this host; the first that answers counts. */
  addresses: readonly IpAddress[]
  port: number
}

/** What our site answers by itself, without a look at its files: `ok REVISION`. */
export const ALIVE_PATH = '/.rs-agent/alive'
/** The page that must be there, read the way that clients read theirs. */
export const READY_PATH = '/.rs-agent/ready'

/** Apache's old processes still answer for a moment after a graceful restart. */
const SETTLE_LIMIT_MS = 15_000
const ASK_AGAIN_MS = 50
/** So many answers of the new configuration, and none of the old one between them. */
const CERTAIN = 3
const TEST_LIMIT_MS = 30_000

/** A web server, and what decides whether it can become what it shall be. */
export type FoundWebServer = WebServerForm & {
  /** Its unit, or its program where nothing starts services. */
  isThere: boolean
  /** Where what is not our site tells it to listen; null where its own configuration is not there: not installed. */
  listens: ListenDirective[] | null
  /** Who else has the port that it is to have, on whatever address: it listens on all of them. */
  portTakenBy: ListeningProcess[]
  /** An administrator forbade to start it. */
  isMasked: boolean
}

export interface WebServers {
  find(place: WebServerPlace, question: WebServerQuestion): Promise<FoundWebServer>
  /** The server's own word on its configuration; throws with it. */
  test(place: WebServerPlace): Promise<void>
  /** From one form to another; returns when the site answers as it shall. */
  change(place: WebServerPlace, before: WebServerForm, after: WebServerForm): Promise<void>
}

export function webServersOf(host: {
  files: Files
  commands: Commands
  initSystem: InitSystem | null
}): WebServers {
  const { commands, initSystem } = host
  return {
    async find(place, question) {
      const state = await stateOf(host, place)
      return {
        ...state,
        site: state.running ? await siteOf(question) : null,
        listens: listensOf(host.files, place),
        portTakenBy: whoElseListens(host.files, place, question, state),
      }
    },
    test: place => testConfiguration(commands, place),
    async change(place, before, after) {
      const unit = `${place.unit}.service`
      const reads = after.running && (!before.running || before.site?.revision !== after.site?.revision)
      // Once more: a run that was killed may have left a file that no server has judged yet.
      if (reads) await testConfiguration(commands, place)
      if (initSystem !== null && before.enabled !== after.enabled)
        await (after.enabled ? initSystem.enable(unit) : initSystem.disable(unit))
      if (!after.running) {
        if (before.running) await (initSystem?.stop(unit) ?? stopByItself(host, place))
        return
      }
      if (!before.running) await (initSystem?.start(unit) ?? control(commands, place.start))
      else if (reads) await (initSystem?.reload(unit) ?? control(commands, place.reload))
      const asked = after.site ?? before.site
      if (asked !== null) await untilItTells(host, place, asked, after.site?.revision ?? null)
    },
  }
}

async function stateOf(
  { files, commands, initSystem }: { files: Files; commands: Commands; initSystem: InitSystem | null },
  place: WebServerPlace,
): Promise<Pick<FoundWebServer, 'enabled' | 'running' | 'isMasked' | 'isThere'>> {
  if (initSystem === null) {
    const running = isAlive(mainProcessOf(files, place))
    return {
      enabled: false,
      running,
      isMasked: false,
      isThere: running || (await hasProgram(commands, place)),
    }
  }
  const [state] = await initSystem.states([`${place.unit}.service`])
  const { enabled = false, active = false, masked = false } = state ?? {}
  return { enabled, running: active, isMasked: masked, isThere: state != null }
}

/** All of them tell their version when they are asked so. */
async function hasProgram(commands: Commands, { test: [program] }: WebServerPlace): Promise<boolean> {
  return (await commands.run(program, ['-v'], { timeoutMs: TEST_LIMIT_MS })) !== null
}

/** Not a number where it runs no process. */
function mainProcessOf({ readText }: Pick<Files, 'readText'>, { pidFile }: WebServerPlace): number {
  return Number.parseInt(readText(pidFile) ?? '', 10)
}

/** Its own processes have one name. One that runs, and cannot be told from others, has the port for its own. */
function whoElseListens(
  files: Files,
  place: WebServerPlace,
  { port }: WebServerQuestion,
  { running }: Pick<WebServerForm, 'running'>,
): ListeningProcess[] {
  const own = running ? processName(mainProcessOf(files, place)) : null
  if (running && own === null) return []
  return processesListeningOn(port).filter(({ process }) => process === null || process.name !== own)
}

function isAlive(pid: number): boolean {
  if (!(pid > 1)) return false
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

function listensOf(files: Files, { listens, site }: WebServerPlace): ListenDirective[] | null {
  const isFile = (path: string): boolean => path.endsWith('.conf')
  // What others put into its folders may be there without it.
  if (listens.filter(isFile).every(path => files.readText(path) === null)) return null
  const paths = listens.flatMap(path =>
    isFile(path) ? [path] : files.list(path).map(name => `${path}/${name}`),
  )
  return paths.filter(path => path !== site).flatMap(path => listenDirectivesIn(files.readText(path) ?? ''))
}

async function testConfiguration(commands: Commands, place: WebServerPlace): Promise<void> {
  const [program, ...args] = place.test
  const result = await commands.run(program, args, { timeoutMs: TEST_LIMIT_MS })
  if (result === null)
    throw new AgentError(
      'unsupported',
      `the web server is not there: no ${program}`,
      `install ${place.package}`,
    )
  if (result.isOverdue)
    throw new AgentError(
      'failed',
      `${place.test.join(' ')} did not end within ${TEST_LIMIT_MS / 1000} s`,
      'does it wait for a file server that is dead? rs-agent verify --only nfs-mounted',
    )
  if (result.exitStatus !== 0)
    throw new AgentError(
      'failed',
      `${place.test.join(' ')} refuses the configuration: ${lastWordsOf(result)}`,
      'mend what it names; a template of your own is in /etc/rs-agent/templates/httpd',
    )
}

function control(commands: Commands, command: WebServerPlace['start']): Promise<string> {
  return mustRun(commands, command, { timeoutMs: TEST_LIMIT_MS, hint: "look at the server's error log" })
}

/** It says that it will, and goes on until its last answer is sent. */
async function stopByItself(
  { files, commands }: { files: Files; commands: Commands },
  place: WebServerPlace,
): Promise<void> {
  const pid = mainProcessOf(files, place)
  await control(commands, place.stop)
  const giveUpAt = performance.now() + SETTLE_LIMIT_MS
  while (isAlive(pid)) {
    if (performance.now() > giveUpAt)
      throw new AgentError(
        'failed',
        `${place.unit} does not stop: process ${pid} is still there after ${SETTLE_LIMIT_MS / 1000} s`,
        `kill ${pid}`,
      )
    await new Promise(resolve => setTimeout(resolve, ASK_AGAIN_MS))
  }
}

/** "Running" is not enough: it answers, with this revision; or, where our site has gone, without any. */
async function untilItTells(
  { initSystem }: { initSystem: InitSystem | null },
  place: WebServerPlace,
  { address, port }: Pick<ServedSite, 'address' | 'port'>,
  revision: string | null,
): Promise<void> {
  const giveUpAt = performance.now() + SETTLE_LIMIT_MS
  let seen: string | null = null
  let inARow = 0
  while (performance.now() < giveUpAt) {
    seen = await askRevision(address, port)
    // Apache takes the word to read its configuration again, and ends when it cannot.
    if (seen === null && initSystem !== null) await mustBeActive(initSystem, place)
    // Processes of before go on answering for a moment.
    inARow = seen === revision ? inARow + 1 : 0
    if (inARow === CERTAIN) return
    await new Promise(resolve => setTimeout(resolve, ASK_AGAIN_MS))
  }
  throw new AgentError(
    'failed',
    seen === null
      ? `${place.unit} runs, but our site does not answer at ${withPort(address, port)}`
      : `${place.unit} still serves another configuration (${seen}, not ${revision ?? 'one without our site'})`,
    `ss -ltnp 'sport = :${port}' shows who listens; the server's own log is in ${place.logs}`,
  )
}

async function mustBeActive(initSystem: InitSystem, { unit, logs }: WebServerPlace): Promise<void> {
  const [state] = await initSystem.states([`${unit}.service`])
  if (state?.active === true) return
  throw new AgentError(
    'failed',
    `${unit}.service ended when it was to have the new configuration`,
    `journalctl -u ${unit} -n 20; its own log is in ${logs}`,
  )
}

/** As the first address that tells of it has it. */
async function siteOf({ addresses, port }: WebServerQuestion): Promise<ServedSite | null> {
  for (const address of addresses) {
    const revision = await askRevision(address, port)
    if (revision !== null) return { revision, address, port }
  }
  return null
}

/** A drained host says so with 503, and its revision all the same. */
async function askRevision(address: IpAddress, port: number): Promise<string | null> {
  const answer = await askPage(address, port, ALIVE_PATH)
  return REVISION.exec(answer?.text ?? '')?.[1] ?? null
}

const REVISION = /^(?:ok|drained) ([0-9a-f]{12})\n/
