import { isIP, type Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { type IpAddress, withPort } from '../../model/address.ts'
import { attempt, type Effort, type Finding } from './attempt.ts'
import type { Check, CheckTarget } from './check.ts'
import { connect, hangUp } from './connection.ts'
import { type Expected, HttpAnswer } from './http-answer.ts'
import type { Verdict } from './http-verdict.ts'
import type { Config } from './kinds.ts'
import { judgeCertificate, secure, type TlsConfig } from './tls.ts'

type HttpConfig = Config<'http'> | Config<'https'>

/**
 * The real server answers a request. By hand over node:net: that costs a third of what node:http does, and ends with
 * the first byte that decides.
 */
export function openHttpCheck(config: HttpConfig, target: CheckTarget): Check {
  const question = questionOf(config, target)
  const { timeoutMs, tls } = question
  const begin = tls === null ? askPlainly(question) : askByTls(question, tls)
  return {
    key: JSON.stringify([
      question.address,
      question.port,
      tls,
      question.text,
      config.status,
      config.body,
      timeoutMs,
    ]),
    try: signal => attempt(timeoutMs, signal, begin),
    close() {},
  }
}

interface Question {
  address: IpAddress
  port: number
  text: string
  expected: Expected
  timeoutMs: number
  tls: TlsConfig | null
}

function questionOf(config: HttpConfig, { address, port: targetPort }: CheckTarget): Question {
  const usualPort = config.type === 'http' ? 80 : 443
  const port = config.port ?? (targetPort === 0 ? usualPort : targetPort)
  const host = config.host ?? withPort(address, port === usualPort ? null : port)
  const name = config.host?.replace(/:[0-9]+$/, '') ?? ''
  const fields = [`Host: ${host}`, 'User-Agent: rs-agent', 'Accept: */*', 'Connection: close']
  return {
    address,
    port,
    text: `${config.method} ${config.path} HTTP/1.1\r\n${fields.join('\r\n')}\r\n\r\n`,
    expected: {
      status: config.status ?? null,
      body: config.body === undefined ? null : Buffer.from(config.body),
    },
    timeoutMs: config.timeout,
    tls:
      config.type === 'http'
        ? null
        : {
            address,
            // An address is no name to tell (RFC 6066, 3).
            serverName: name === '' || isIP(name.replace(/^\[|\]$/g, '')) > 0 ? null : name,
            verifies: config.verifyCertificate,
          },
  }
}

type Begin = (found: Finding) => Effort

function askPlainly(question: Question): Begin {
  const request = Buffer.from(question.text, 'latin1')
  return found => {
    const answer = new HttpAnswer(question.expected)
    const socket = connect(question, found, bytes => tell(answer.take(bytes), found))
    socket.on('end', () => tell(answer.end(), found))
    // It waits until the connection is there.
    socket.write(request)
    return { stop: () => hangUp(socket), expire: () => found.fail(missing(question, socket, answer)) }
  }
}

function askByTls(question: Question, config: TlsConfig): Begin {
  return found => {
    const answer = new HttpAnswer(question.expected)
    const socket = connect(question, found, null)
    let tls: TLSSocket | null = null
    socket.on('connect', () => {
      tls = secure(socket, config, found)
      converse(tls, question, config, answer, found)
    })
    const end = (): void => {
      hangUp(socket)
      tls?.destroy()
    }
    // Not within an event of it: Node 24 dies of a connection that is reset while TLS works on what came by it.
    const stop = (): void => {
      tls?.pause()
      setImmediate(end)
    }
    return { stop, expire: () => found.fail(missing(question, socket, answer)) }
  }
}

function converse(
  tls: TLSSocket,
  question: Question,
  config: TlsConfig,
  answer: HttpAnswer,
  found: Finding,
): void {
  let note: string | undefined
  let isSecure = false
  tls.on('secureConnect', () => {
    isSecure = true
    const verdict = judgeCertificate(tls, config)
    if (verdict.kind === 'bad') return found.fail(verdict.text)
    if (verdict.kind === 'note') note = verdict.text
    tls.write(question.text, 'latin1')
  })
  tls.on('data', bytes => tell(answer.take(bytes), found, note))
  tls.on('end', () => {
    if (isSecure) tell(answer.end(), found, note)
    else found.fail('it ends the connection before TLS is agreed on')
  })
}

function tell(verdict: Verdict | null, found: Finding, note?: string): void {
  if (verdict?.kind === 'right') found.pass(note)
  if (verdict?.kind === 'wrong') found.fail(verdict.why)
}

function missing({ port, timeoutMs }: Question, socket: Socket, answer: HttpAnswer): string {
  const what = socket.connecting ? `no answer to a SYN for port ${port}` : answer.progress()
  return `${what} within ${timeoutMs} ms`
}
