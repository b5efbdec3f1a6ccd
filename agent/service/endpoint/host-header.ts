import { isIP } from 'node:net'

/**
 * Whether a request was meant for this host. A page of somebody else's that has its own name point to 127.0.0.1 (DNS
 * rebinding) would have a browser read from here what is told to nobody else; the name that it asks for gives it away.
 * Addresses cannot be rebound, and who sends no name is no browser (HTTP/1.0, as some health checks are).
 */
export function isForThisHost(header: string | undefined, hostname: string): boolean {
  if (header === undefined || header === '') return true
  const name = nameOf(header)?.toLowerCase()
  return name !== undefined && (isIP(name) !== 0 || name === 'localhost' || name === hostname.toLowerCase())
}

/** `[2001:db8::1]:9580` is 2001:db8::1, `localhost:9580` is localhost (RFC 9110, 7.2). */
function nameOf(header: string): string | undefined {
  const [, ipv6, name] = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::[0-9]*)?$/.exec(header) ?? []
  return ipv6 ?? name
}
