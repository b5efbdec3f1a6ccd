import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { execa } from 'execa'

/** A Unix socket for datagrams, as systemd and journald have one; Node.js has none of this kind. */
export class DatagramListener implements AsyncDisposable {
  readonly path: string
  readonly #process: ReturnType<typeof startReading>
  readonly #folder: string
  readonly #lines: AsyncIterator<string>

  /** Settles when it listens. */
  static async open(): Promise<DatagramListener> {
    const folder = mkdtempSync(join(tmpdir(), 'rs-agent-datagrams-'))
    const path = join(folder, 'socket')
    const reading = startReading(path)
    const lines = createInterface({ input: reading.stdout })[Symbol.asyncIterator]()
    await lines.next()
    return new DatagramListener(path, folder, reading, lines)
  }

  private constructor(
    path: string,
    folder: string,
    reading: ReturnType<typeof startReading>,
    lines: AsyncIterator<string>,
  ) {
    this.path = path
    this.#folder = folder
    this.#process = reading
    this.#lines = lines
  }

  /** The next one. */
  async receive(): Promise<Buffer> {
    const { value } = await this.#lines.next()
    return Buffer.from(value, 'hex')
  }

  async text(): Promise<string> {
    return (await this.receive()).toString()
  }

  /** The socket stays, and nobody listens any more. */
  async fallSilent(): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.#process
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.fallSilent()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

function startReading(path: string) {
  return execa('perl', ['-e', READER, path], { reject: false, buffer: false })
}

/** Perl is essential in Debian. */
const READER = `
  use IO::Socket::UNIX; use Socket;
  my $socket = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $ARGV[0]) or die $!;
  $| = 1; print "ready\\n";
  while (defined $socket->recv(my $text, 65536)) { print unpack("H*", $text), "\\n" }
`
