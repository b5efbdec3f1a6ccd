import { isIPv6 } from 'node:net'
import * as v from 'valibot'
import { listen } from '../config/listen.ts'
import { ipAddress, nicName, port, realServerAddress, vipAddress } from '../config/values.ts'
import { AgentError } from '../errors.ts'
import type { IpAddress } from '../model/address.ts'

/** What a configuration is written from. */
export type Answers =
  | { role: 'real-server'; vips: VipAnswer[]; directors: IpAddress[] }
  | { role: 'director'; vips: VipAnswer[]; realServers: IpAddress[]; interface: string }

export interface VipAnswer {
  address: IpAddress
  /** `80/tcp`. */
  ports: string[]
}

/** `10.10.10.100:80/tcp, 10.10.10.100:443/tcp, [2001:db8::100]:80`; TCP unless told. Throws what is wrong with which. */
export function parseVips(text: string, asked: string): VipAnswer[] {
  const vips = new Map<IpAddress, string[]>()
  for (const word of wordsOf(text, asked)) {
    const { address, port } = parseVip(word, asked)
    const ports = vips.get(address) ?? []
    if (port !== null && !ports.includes(port)) ports.push(port)
    vips.set(address, ports)
  }
  return [...vips].map(([address, ports]) => ({ address, ports }))
}

function parseVip(word: string, asked: string): { address: IpAddress; port: string | null } {
  const alone = v.safeParse(vipAddress, word.replace(/^\[(.*)\]$/, '$1'))
  if (alone.success) return { address: alone.output, port: null }
  const whole = v.safeParse(listen, word.includes('/') ? word : `${word}/tcp`)
  if (!whole.success) throw wrong(asked, word, isAddressAlone(word) ? alone : whole)
  const found = v.safeParse(port, `${whole.output.port}/${whole.output.protocol}`)
  if (!found.success) throw wrong(asked, word, found)
  return { address: whole.output.address, port: found.output }
}

/** One that says no port, be it wrong. */
function isAddressAlone(word: string): boolean {
  return !word.includes(':') || word.endsWith(']') || isIPv6(word)
}

export function parseDirectors(text: string, asked: string): IpAddress[] {
  return parseEach(ipAddress, text, asked)
}

export function parseRealServers(text: string, asked: string): IpAddress[] {
  return parseEach(realServerAddress, text, asked)
}

export function parseNic(text: string, asked: string): string {
  const result = v.safeParse(nicName, text.trim())
  if (result.success) return result.output
  throw wrong(asked, text, result)
}

function parseEach(schema: v.GenericSchema<unknown, IpAddress>, text: string, asked: string): IpAddress[] {
  const addresses = wordsOf(text, asked).map(word => {
    const result = v.safeParse(schema, word)
    if (result.success) return result.output
    throw wrong(asked, word, result)
  })
  return [...new Set(addresses)]
}

function wordsOf(text: string, asked: string): string[] {
  const words = text.split(/[\s,]+/).filter(word => word !== '')
  if (words.length > 0) return words
  throw new AgentError('usage', `${asked}: nothing was named`, '`rs-agent init --help` shows examples')
}

function wrong(
  asked: string,
  word: string,
  { issues }: { issues?: readonly { message: string }[] | undefined },
) {
  return new AgentError(
    'usage',
    `${asked}: expected ${issues?.[0]?.message}, received ${JSON.stringify(word)}`,
    '`rs-agent init --help` shows examples',
  )
}
