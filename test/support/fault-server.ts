import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { firstLine } from './first-line.ts'
import type { Host } from './host.ts'

/** The name that its certificates are of. */
export const SERVER_NAME = 'www.example.org'

/** A server on a host that does wrong in every way there is; its process says how to ask for each. */
export class FaultServer implements AsyncDisposable {
  /** A file of its certificates: each is its own authority. */
  readonly authorities: string
  readonly #folder: string

  /** It ends with the host. */
  static async start(host: Host): Promise<FaultServer> {
    const folder = await mkdtemp(join(tmpdir(), 'rs-agent-fault-server-'))
    await makeCertificates(folder)
    const program = fileURLToPath(new URL('./fault-server-process.ts', import.meta.url))
    await firstLine(host.spawn(process.execPath, [program, folder]))
    return new FaultServer(folder)
  }

  private constructor(folder: string) {
    this.#folder = folder
    this.authorities = join(folder, AUTHORITIES)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return rm(this.#folder, { recursive: true })
  }
}

async function makeCertificates(folder: string): Promise<void> {
  const openssl = (...args: string[]) => execa('openssl', args, { cwd: folder })
  const names = ['-subj', `/CN=${SERVER_NAME}`, '-addext', `subjectAltName=DNS:${SERVER_NAME}`]
  await openssl('ecparam', '-genkey', '-name', 'prime256v1', '-noout', '-out', 'key.pem')
  await openssl('req', '-new', '-key', 'key.pem', ...names, '-out', 'request.pem')
  const signed = ['x509', '-req', '-in', 'request.pem', '-signkey', 'key.pem', '-copy_extensions', 'copy']
  const days = { good: 300, ending: 4, expired: -1 }
  for (const [name, count] of Object.entries(days))
    await openssl(...signed, '-days', String(count), '-out', `${name}.pem`)
  const files = Object.keys(days).map(name => readFile(join(folder, `${name}.pem`), 'utf8'))
  await writeFile(join(folder, AUTHORITIES), (await Promise.all(files)).join(''))
}

const AUTHORITIES = 'authorities.pem'
