import { request } from 'node:http'
import type { IpAddress } from '../model/address.ts'

const ASK_LIMIT_MS = 2_000

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
