import { AgentError } from '../errors.ts'
import { type IpAddress, withPort } from '../model/address.ts'
import type { WebServerName, WebServerPlace } from '../model/distribution.ts'
import { type Commands, lastWordsOf, mustRun } from './commands.ts'
import type { Files } from './files.ts'
import type { InitSystem } from './init-system.ts'
import { type ListeningProcess, processesListeningOn } from './listening-process.ts'

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

const ASK_LIMIT_MS = 2_000
/** Apache's old processes still answer for a moment after a graceful restart. */
const SETTLE_LIMIT_MS = 15_000
const ASK_AGAIN_MS = 50
/** So many answers of the new configuration, and none of the old one between them. */
const CERTAIN = 3
const TEST_LIMIT_MS = 30_000

export interface WebServers {
  find(place: WebServerPlace, question: WebServerQuestion): Promise<WebServerForm>
  /** Ports that its configuration, without our site, says it listens on. */
  listens(place: WebServerPlace): number[]
  /** Whoever it is, on whatever address. */
  whoListens(port: number): ListeningProcess[]
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
      return { ...state, site: state.running ? await siteOf(question) : null }
    },
    whoListens: processesListeningOn,
    listens: place => listensOf(host.files, place),
    test: place => testConfiguration(commands, place),
    async change(place, before, after) {
      const unit = `${place.unit}.service`
      if (initSystem !== null && before.enabled !== after.enabled)
        await (after.enabled ? initSystem.enable(unit) : initSystem.disable(unit))
      if (!after.running) {
        if (before.running) await (initSystem?.stop(unit) ?? control(commands, place.stop))
        return
      }
      if (!before.running) await (initSystem?.start(unit) ?? control(commands, place.start))
      else if (before.site?.revision !== after.site?.revision)
        await (initSystem?.reload(unit) ?? control(commands, place.reload))
      if (after.site !== null) await untilItServes(place, after.site)
    },
  }
}

async function stateOf(
  { files, initSystem }: { files: Files; initSystem: InitSystem | null },
  { unit, pidFile }: WebServerPlace,
): Promise<Pick<WebServerForm, 'enabled' | 'running'>> {
  if (initSystem !== null) {
    const [state] = await initSystem.states([`${unit}.service`])
    return { enabled: state?.enabled ?? false, running: state?.active ?? false }
  }
  return { enabled: false, running: isAlive(Number.parseInt(files.readText(pidFile) ?? '', 10)) }
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

/** `Listen 80`, `Listen [::]:80 https`; nginx's `listen 80 default_server;`, wherever it stands in its line. */
const LISTEN = /^[^#\n]*?\blisten[ \t]+(?:\S+:)?([0-9]+)(?=[\s;])/gim

function listensOf(files: Files, { listens, site }: WebServerPlace): number[] {
  const paths = listens.flatMap(path =>
    path.endsWith('.conf') ? [path] : files.list(path).map(name => `${path}/${name}`),
  )
  const texts = paths.filter(path => path !== site).map(path => files.readText(path) ?? '')
  return texts.flatMap(text => [...text.matchAll(LISTEN)].map(([, port]) => Number(port)))
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
  if (result.exitStatus !== 0 || result.isOverdue)
    throw new AgentError(
      'failed',
      `${place.test.join(' ')} refuses the configuration: ${lastWordsOf(result)}`,
      `mend what it names; a template of your own is in etc/rs-agent/templates/httpd/`,
    )
}

function control(commands: Commands, command: WebServerPlace['start']): Promise<string> {
  return mustRun(commands, command, { timeoutMs: TEST_LIMIT_MS, hint: "look at the server's error log" })
}

/** "Running" is not enough: it answers, with this revision. */
async function untilItServes(place: WebServerPlace, { revision, address, port }: ServedSite): Promise<void> {
  const giveUpAt = performance.now() + SETTLE_LIMIT_MS
  let seen: string | null = null
  let inARow = 0
  while (performance.now() < giveUpAt) {
    seen = await askRevision(address, port)
    // Processes of before go on answering for a moment.
    inARow = seen === revision ? inARow + 1 : 0
    if (inARow === CERTAIN) return
    await new Promise(resolve => setTimeout(resolve, ASK_AGAIN_MS))
  }
  throw new AgentError(
    'failed',
    seen === null
      ? `${place.unit} runs, but our site does not answer at ${withPort(address, port)}`
      : `${place.unit} still serves another configuration (${seen}, not ${revision})`,
    `ss -ltnp 'sport = :${port}' shows who listens; the server's own log is in ${place.logs}`,
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

/** The answer of a server of this host; null when there is none within two seconds. */
export async function askPage(
  address: IpAddress,
  port: number,
  path: string,
): Promise<{ status: number; text: string } | null> {
  const page = await fetchPage(address, port, path)
  return page === null ? null : { status: page.status, text: page.body.toString('utf8') }
}

export interface Page {
  status: number
  body: Buffer
  /** There was more than a megabyte of it. */
  isCut: boolean
}

const LONGEST_BODY_BYTES = 1024 * 1024

export async function fetchPage(address: IpAddress, port: number, path: string): Promise<Page | null> {
  // Not at the top: a run without a web server does not load it.
  const { request } = await import('node:http')
  return new Promise(resolve => {
    const signal = AbortSignal.timeout(ASK_LIMIT_MS)
    const asking = request({ host: address, port, path, agent: false, signal }, answer => {
      const chunks: Buffer[] = []
      let length = 0
      const tell = (isCut: boolean): void =>
        resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(chunks), isCut })
      answer.on('data', chunk => {
        chunks.push(chunk)
        length += chunk.length
        if (length < LONGEST_BODY_BYTES) return
        tell(true)
        asking.destroy()
      })
      answer.on('end', () => tell(false))
    })
    asking.on('error', () => resolve(null))
    asking.on('close', () => resolve(null))
    asking.end()
  })
}
