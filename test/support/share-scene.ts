import { DebianHost } from './debian-host.ts'
import { firstLine } from './first-line.ts'
import type { Host } from './host.ts'
import { NfsServer } from './nfs-server.ts'
import type { Change, Check, ErrorReport } from './rs-agent.ts'
import { Segment } from './segment.ts'

/** As in the configuration. */
export interface Share {
  source: string
  target: string
  options?: string
}

/** What a command of the agent came to: its exit code, what it printed, and how long it took by the clock of the kernel. */
export interface Ended {
  exitCode: number | undefined
  changes: string[]
  notes: string[]
  leftOut: string[]
  error: ErrorReport['error'] | undefined
  tookMs: number
}

/** A Debian with systemd and the programs of an NFS client, which has no role yet, and an NFS server beside it. */
export class ShareScene implements AsyncDisposable {
  readonly segment: Segment
  readonly host: DebianHost
  readonly nfs: NfsServer
  readonly #server: Host

  /** Needs a kernel with NFS. The server has the folders `pages` and `pages/img`, each with an `index.html`. */
  static async build(): Promise<ShareScene> {
    const segment = await Segment.build()
    const server = await segment.addHost('nfs', '10.10.10.30/24')
    const nfs = await NfsServer.start(server)
    const host = await DebianHost.boot(segment, { name: 'rs1', address: '10.10.10.12/24' })
    await host.install('nfs-common')
    const scene = new ShareScene(segment, server, nfs, host)
    await scene.makePages()
    return scene
  }

  private constructor(segment: Segment, server: Host, nfs: NfsServer, host: DebianHost) {
    this.segment = segment
    this.#server = server
    this.nfs = nfs
    this.host = host
  }

  /** Anew: whoever has them mounted has a stale handle. */
  async makePages(): Promise<void> {
    await this.nfs.makeFolder('pages')
    await this.nfs.write('pages/index.html', 'pages')
    await this.nfs.makeFolder('pages/img')
    await this.nfs.write('pages/img/index.html', 'pictures')
  }

  /** The cable of the NFS server. */
  async cable(state: 'down' | 'up'): Promise<void> {
    const [{ port } = { port: '' }] = this.#server.nics
    await this.segment.switch.ip(`link set ${port} ${state}`)
  }

  /** A program on the NFS server's host that takes connections, and never says a word. */
  async listenMutely(port: number): Promise<void> {
    const program = `require('node:net').createServer(() => {}).listen(${port}, () => console.log('listens'))`
    await firstLine(this.#server.spawn(process.execPath, ['-e', program]))
  }

  async configure(...shares: Share[]): Promise<void> {
    await this.host.run('mkdir', ['-p', '/etc/rs-agent'])
    const config = `realServer:
  vips: [{ address: 10.10.10.100 }]
  packages: leave
  nfs: ${JSON.stringify(shares)}
`
    await this.host.run('tee', ['/etc/rs-agent/config.yaml'], { input: config })
  }

  /** Runs a command of the agent to its end. `launcher` is a program that starts it. */
  async agent(command: string, launcher: readonly string[] = []): Promise<Ended> {
    const [program = '', ...args] = [...launcher, 'rs-agent', ...command.split(' '), '--json']
    const startedAt = performance.now()
    const { exitCode, stdout, stderr } = await this.host.spawn(program, args, { input: '' })
    const tookMs = performance.now() - startedAt
    if (stdout === '') throw new Error(`rs-agent ${command}: exit code ${exitCode}: ${stderr}`)
    const { changes = [], notes = [], leftOut = [], error } = JSON.parse(stdout)
    return {
      exitCode,
      changes: (changes as Change[]).map(({ action, subject }) => `${action} ${subject}`),
      notes,
      leftOut,
      error,
      tookMs,
    }
  }

  /** What verify says of shares, and how long it took from its start to its end. */
  async verify(): Promise<{ checks: Check[]; tookMs: number }> {
    const startedAt = performance.now()
    const args = ['verify', '--json', '--only', 'nfs-mounted']
    const { stdout } = await this.host.spawn('rs-agent', args, { input: '' })
    const tookMs = performance.now() - startedAt
    const { checks } = JSON.parse(stdout) as { checks: Check[] }
    return { checks: checks.filter(({ id }) => id === 'nfs-mounted'), tookMs }
  }

  /** By target: what is mounted from another host, or waits for whoever comes. */
  async mounts(): Promise<Record<string, string>> {
    const list = await this.shell('findmnt -rno TARGET,SOURCE,FSTYPE,OPTIONS -t nfs,nfs4,autofs || :')
    const rows = list.split('\n').flatMap(line => (line === '' ? [] : [line.split(' ')]))
    return Object.fromEntries(rows.map(([target, ...rest]) => [target, rest.join(' ')]))
  }

  /** Runs a script of sh(1) on the host. */
  shell(script: string): Promise<string> {
    return this.host.run('sh', ['-c', script])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.host[Symbol.asyncDispose]()
    await this.segment[Symbol.asyncDispose]()
  }
}
