import type { Socket } from 'node:net'
import {
  connect as connectTls,
  createSecureContext,
  getCACertificates,
  type SecureContext,
  type TLSSocket,
} from 'node:tls'
import { hasErrno, messageOf } from '../../errors.ts'
import type { IpAddress } from '../../model/address.ts'
import type { Finding } from './attempt.ts'
import { whyBroken } from './connection.ts'

export interface TlsConfig {
  address: IpAddress
  /** The server is told it (SNI), and the certificate must be of it where that is verified; else the address is. */
  serverName: string | null
  verifies: boolean
}

/** Speaks TLS on a connection; what goes wrong is told to `found`. */
export function secure(socket: Socket, config: TlsConfig, found: Finding): TLSSocket {
  const tls = connectTls({
    socket,
    secureContext: contextOf(config.verifies),
    // Judged below: a certificate that ends soon is to be told, whoever made it.
    rejectUnauthorized: false,
    host: config.address,
    ...(config.serverName === null ? {} : { servername: config.serverName }),
  })
  tls.on('error', error =>
    found.fail(
      hasErrno(error, 'ECONNRESET', 'EPIPE') ? whyBroken(error) : `no TLS with it: ${reasonOf(error)}`,
    ),
  )
  return tls
}

/** OpenSSL's own messages have the reason behind their last colons. */
function reasonOf(error: Error): string {
  return 'reason' in error ? String(error.reason) : (messageOf(error).split('\n')[0] ?? '')
}

function reproach(code: string, { serverName, address }: TlsConfig): string {
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return `it is not for ${serverName ?? address}`
  return code.toLowerCase().replaceAll('_', ' ')
}

const SOON_DAYS = 14
const DAY_MS = 86_400_000

export type CertificateVerdict = { kind: 'good' } | { kind: 'note' | 'bad'; text: string }

/** Once the connection is secure. The clock on the wall counts here, as it does for clients. */
export function judgeCertificate(tls: TLSSocket, config: TlsConfig): CertificateVerdict {
  // A name of OpenSSL's or of Node's, whatever its type says.
  const error: unknown = tls.authorizationError
  const end = tls.getPeerX509Certificate()?.validToDate
  const text = end === undefined ? null : whenItEnds(end.getTime() - Date.now(), end)
  if (config.verifies && error != null)
    return {
      kind: 'bad',
      text: `its certificate is not to be trusted: ${text ?? reproach(String(error), config)}`,
    }
  return text === null ? { kind: 'good' } : { kind: 'note', text: `its certificate ${text}` }
}

function whenItEnds(leftMs: number, end: Date): string | null {
  const date = end.toISOString().slice(0, 10)
  if (leftMs < 0) return `expired on ${date}`
  const days = Math.floor(leftMs / DAY_MS)
  return days < SOON_DAYS ? `ends in ${days} days, on ${date}` : null
}

const contexts = new Map<boolean, SecureContext>()

/** Made once: reading the authorities takes as long as many a handshake. */
function contextOf(verifies: boolean): SecureContext {
  const made = contexts.get(verifies) ?? (verifies ? verifying() : forAnybody())
  contexts.set(verifies, made)
  return made
}

/** The authorities of the operating system too: those of a company are there. */
function verifying(): SecureContext {
  return createSecureContext({ ca: [...getCACertificates('default'), ...getCACertificates('system')] })
}

/** Whether it serves is the question, not how safely: also with TLS of 1999. */
function forAnybody(): SecureContext {
  return createSecureContext({ minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' })
}
