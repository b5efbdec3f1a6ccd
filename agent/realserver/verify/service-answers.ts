import http, { type ClientRequest, type IncomingMessage } from 'node:http'
import https, { type RequestOptions } from 'node:https'
import type { HttpCheck } from '../../config/check.ts'
import { hasErrno, messageOf } from '../../errors.ts'
import type { Host } from '../../host/host.ts'
import { covers, listenersOn } from '../../host/tcp-sockets.ts'
import { type IpAddress, withPort } from '../../model/address.ts'
import { RTN_LOCAL } from '../../model/network.ts'
import type { VipService, WantedRealServer } from '../desired.ts'
import { LOOPBACK } from '../vip-address.ts'
import type { CheckResult } from './check.ts'

/** A web server on this host answers at each VIP as the configuration says. */
export async function checkServiceAnswers(
  host: Host,
  { services }: WantedRealServer,
): Promise<CheckResult[]> {
  return (await Promise.all(services.map(service => checkVip(host, service)))).flat()
}

/** Enough of a page to find a word in. */
const BODY_LIMIT_BYTES = 1024 * 1024
const EXCERPT_LENGTH = 40
/** Below it a status says that the page, or the way to it, is there. */
const FIRST_BAD_STATUS = 400

const FIRST_SERVER_ERROR = 500
const TELL = 'tell what a healthy answer is: check: { type: http, host: NAME, path: /, status: 200 }'

/** Well-known ports; a port that is not here may speak anything. */
const SCHEMES: Record<string, HttpCheck['type']> = { '80/tcp': 'http', '443/tcp': 'https' }

interface Question {
  vip: IpAddress
  url: string
  check: Omit<HttpCheck, 'status'> & {
    port: number
    status?: number | undefined
    /** Nothing is configured: the port alone says what to ask. */
    isGuess: boolean
  }
}

async function checkVip(host: Host, service: VipService): Promise<CheckResult[]> {
  const questions = questionsOf(service)
  if (questions.length > 0) {
    const route = await host.network.lookUpRoute({ destination: service.vip })
    // Another host, most likely the director, would answer in this one's name.
    const isLocal = route.kind === 'route' && (route.type === RTN_LOCAL || route.link === LOOPBACK)
    return Promise.all(questions.map(question => (isLocal ? ask(question) : notHere(question))))
  }
  const evidence = 'no check is configured, and none of its ports is one of the web'
  return [{ id: 'service-answers', subject: service.vip, verdict: 'skipped', evidence, hint: '' }]
}

function notHere({ vip, url }: Question): CheckResult {
  return {
    id: 'service-answers',
    subject: url,
    verdict: 'fail',
    evidence: `${vip} is not bound here, or a rule keeps it away: a request to it would leave this host`,
    hint: `rs-agent apply; ip route get ${vip}`,
  }
}

function questionsOf({ vip, ports, check }: VipService): Question[] {
  if (check !== undefined)
    return [question(vip, { ...check, isGuess: false, port: check.port ?? portFor(check.type) })]
  return ports.flatMap(port => {
    const type = SCHEMES[port]
    return type === undefined
      ? []
      : [question(vip, { isGuess: true, type, port: portFor(type), path: '/', timeout: 2_000 })]
  })
}

function portFor(type: HttpCheck['type']): number {
  return type === 'http' ? 80 : 443
}

function question(vip: IpAddress, check: Question['check']): Question {
  const authority = withPort(vip, check.port === portFor(check.type) ? null : check.port)
  return { vip, check, url: `${check.type}://${authority}${check.path}` }
}

async function ask({ vip, url, check }: Question): Promise<CheckResult> {
  const result = { id: 'service-answers', subject: url } as const
  const startedAt = performance.now()
  try {
    const { status, body, cut } = await get(vip, check)
    const tookMs = performance.now() - startedAt
    const wrong = whatIsWrong(check, status, body, cut)
    if (wrong === null)
      return { ...result, verdict: 'pass', evidence: `status ${status} in ${tookMs.toFixed(1)} ms`, hint: '' }
    // Without its host name or a password a healthy site may refuse: that is not what it owes to our guess.
    const verdict = check.isGuess && status < FIRST_SERVER_ERROR ? 'unknown' : 'fail'
    return { ...result, verdict, ...wrong, hint: check.isGuess ? TELL : wrong.hint }
  } catch (error) {
    return { ...result, ...judgeFailure(error, vip, url, check) }
  }
}

/** What a request that got no answer says of the server. */
function judgeFailure(
  error: unknown,
  vip: IpAddress,
  url: string,
  check: Question['check'],
): Pick<CheckResult, 'verdict' | 'evidence' | 'hint'> {
  const evidence = `no answer: ${messageOf(error).split('\n')[0]}`
  if (hasErrno(error, 'EADDRNOTAVAIL'))
    return {
      verdict: 'fail',
      evidence: `${evidence}: the VIP is not local here`,
      hint: `rs-agent apply; ip address; ip route show table local`,
    }
  if (hasErrno(error, 'ECONNREFUSED') && listenersOn(check.port).some(({ address }) => covers(address, vip)))
    return {
      verdict: 'unknown',
      evidence: `${evidence}, although something listens there: perhaps it takes connections of one NIC alone (SO_BINDTODEVICE), which this host's own request does not come by, or a firewall rejects it`,
      hint: `datapath says what clients get; ss -ltn 'sport = :${check.port}' shows ADDRESS%NIC`,
    }
  if (hasErrno(error, 'ECONNREFUSED') || error instanceof NoAnswerInTime || !check.isGuess)
    return {
      verdict: 'fail',
      evidence,
      hint: `does the server run, and listen there? curl -v ${url}; ss -ltn`,
    }
  // It was there and hung up: it may want TLS, a name or a certificate that a guess does not have.
  return { verdict: 'unknown', evidence, hint: TELL }
}

function whatIsWrong(
  check: Question['check'],
  status: number,
  body: string,
  cut: boolean,
): Pick<CheckResult, 'evidence' | 'hint'> | null {
  const isExpected = check.status === undefined ? status < FIRST_BAD_STATUS : status === check.status
  if (!isExpected) {
    const wanted = check.status === undefined ? `one below ${FIRST_BAD_STATUS}` : String(check.status)
    return { evidence: `status ${status}, expected ${wanted}`, hint: "the server's own error log says why" }
  }
  if (check.body === undefined || body.includes(check.body)) return null
  const excerpt = JSON.stringify(body.slice(0, EXCERPT_LENGTH))
  const lack = cut ? `the first ${BODY_LIMIT_BYTES} bytes of the body do not` : 'the body does not'
  return {
    evidence: `status ${status}, but ${lack} contain ${JSON.stringify(check.body)}: it starts with ${excerpt}`,
    hint: 'is the right page there? is the share mounted?',
  }
}

class NoAnswerInTime extends Error {
  override name = 'NoAnswerInTime'
}

interface Answer {
  status: number
  body: string
  /** Whether the body went on beyond what was read. */
  cut: boolean
}

async function get(vip: IpAddress, check: Question['check']): Promise<Answer> {
  const { request } = check.type === 'http' ? http : https
  const signal = AbortSignal.timeout(check.timeout)
  try {
    return await new Promise((resolve, reject) => {
      const asking = request({ ...requestFor(vip, check), signal })
      asking.on('response', answer => resolve(readAnswer(answer, asking, check)))
      // A server that switches protocols (101) ends the request without an error.
      asking.on('upgrade', (answer, socket) => {
        socket.destroy()
        resolve({ status: answer.statusCode ?? 0, body: '', cut: true })
      })
      asking.on('error', reject)
      asking.on('close', () => reject(new Error('the connection was closed without an answer')))
      signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true })
      asking.end()
    })
  } catch (error) {
    throw signal.aborted ? new NoAnswerInTime(`timeout after ${check.timeout} ms`) : error
  }
}

function requestFor(vip: IpAddress, { host, port, path }: Question['check']): RequestOptions {
  return {
    host: vip,
    port,
    path,
    agent: false,
    // Where the VIP is not bound, or not any more, another host would answer in this one's name.
    localAddress: vip,
    // The certificate is a matter of name and date, which a request by address cannot judge.
    rejectUnauthorized: false,
    headers: { 'user-agent': 'rs-agent', ...(host === undefined ? {} : { host }) },
    ...(host === undefined ? {} : { servername: host.replace(/:[0-9]+$/, '') }),
  }
}

/** Ends the request with as much of the body as the check wants. */
async function readAnswer(
  answer: IncomingMessage,
  asking: ClientRequest,
  check: Question['check'],
): Promise<Answer> {
  const chunks: Buffer[] = []
  let bytes = 0
  let cut = check.body === undefined
  if (!cut)
    for await (const chunk of answer.iterator({ destroyOnReturn: false })) {
      chunks.push(chunk)
      bytes += chunk.length
      cut = bytes >= BODY_LIMIT_BYTES
      if (cut) break
    }
  // With a reset, where there is more to come: no socket of ours waits for a minute in TIME-WAIT then. A whole
  // answer ends with the server's own close, and resetting what is closed would hang.
  if (cut) asking.socket?.resetAndDestroy()
  else asking.destroy()
  return { status: answer.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8'), cut }
}
