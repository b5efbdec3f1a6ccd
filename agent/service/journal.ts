import { fstatSync } from 'node:fs'
import { isIP } from 'node:net'
import { sendDatagram } from '../host/native.ts'

/** A line of the log. */
export interface LoggedEvent {
  level: 'info' | 'warning'
  /** The setting, VIP or NIC that it happened to; empty for the service itself. */
  subject: string
  message: string
}

/** Of journald, for entries with fields (systemd.journal-fields(7), systemd's "Native Journal Protocol"). */
const SOCKET = '/run/systemd/journal/socket'
const IDENTIFIER = 'rs-agent'
/** syslog(3): LOG_INFO and LOG_WARNING. */
const PRIORITIES = { info: 6, warning: 4 } as const
/** A journal that is stuck must not hold up the repairs. */
const SEND_LIMIT_MS = 50

/**
 * Writes entries to the journal, with the fields `RS_AGENT_SUBJECT` and, of what happened to a VIP, `RS_AGENT_VIP`;
 * null where this process's stdout is not the journal's, as `JOURNAL_STREAM` has it (systemd.exec(5)). While journald
 * does not listen they are written to stdout, which it reads when it is back.
 */
export function openJournal(env: NodeJS.ProcessEnv, socket = SOCKET): ((event: LoggedEvent) => void) | null {
  if (!isJournal(env.JOURNAL_STREAM)) return null
  return event => {
    try {
      sendDatagram(socket, encodeEntry(event), SEND_LIMIT_MS)
    } catch {
      process.stdout.write(`<${PRIORITIES[event.level]}>${textOf(event).replaceAll('\n', ' ')}\n`)
    }
  }
}

function isJournal(stream: string | undefined): boolean {
  const { dev, ino } = fstatSync(process.stdout.fd, { bigint: true })
  return stream === `${dev}:${ino}`
}

/** An entry of the native protocol. */
export function encodeEntry(event: LoggedEvent): Buffer {
  const { level, subject } = event
  const vip = subject.split(/[\s/,]+/).find(word => isIP(word) !== 0)
  return Buffer.concat([
    encodeField('MESSAGE', textOf(event)),
    encodeField('PRIORITY', String(PRIORITIES[level])),
    encodeField('SYSLOG_IDENTIFIER', IDENTIFIER),
    ...(subject === '' ? [] : [encodeField('RS_AGENT_SUBJECT', subject)]),
    ...(vip === undefined ? [] : [encodeField('RS_AGENT_VIP', vip)]),
  ])
}

function textOf({ subject, message }: LoggedEvent): string {
  return subject === '' ? message : `${subject}: ${message}`
}

/** A value with line breaks goes by its length, which is little-endian. */
function encodeField(name: string, value: string): Buffer {
  if (!value.includes('\n')) return Buffer.from(`${name}=${value}\n`)
  const bytes = Buffer.from(value)
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(bytes.length))
  return Buffer.concat([Buffer.from(`${name}\n`), length, bytes, Buffer.from('\n')])
}
