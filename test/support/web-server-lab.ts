import { DebianAgent } from './debian-agent.ts'
import { DebianHost } from './debian-host.ts'
import { Segment } from './segment.ts'
import { SteadyClient } from './steady-client.ts'

export const VIP = '10.10.10.100'
export const RIP = '10.10.10.12'

/** What is configured below httpd, in the words of YAML; the rest is the same in every test. */
export function serverConfig(httpd: string): string {
  return `realServer:
  vips: [{ address: ${VIP}, ports: [80/tcp, 8080/tcp] }]
  directors: [10.10.10.11]
  httpd: { ${httpd} }
`
}

/** A Debian host that is to become a web server, and a client that comes to its VIP as if by a director. */
export class WebServerLab implements AsyncDisposable {
  readonly host: DebianHost
  readonly agent: DebianAgent
  readonly client: SteadyClient
  readonly #segment: Segment

  /** With a page of its own at /, and the configuration, but without any web server. */
  static async build(httpd: string): Promise<WebServerLab> {
    await using made = new AsyncDisposableStack()
    const segment = made.use(await Segment.build())
    const neighbour = await segment.addHost('client', '10.10.10.10/24')
    await neighbour.namespace.ip(`route add ${VIP}/32 via ${RIP}`)
    const client = await SteadyClient.start(neighbour)
    const host = made.use(await DebianHost.boot(segment, { name: 'rs1', address: `${RIP}/24` }))
    await host.writeFile('/var/www/html/index.html', 'our page\n')
    const lab = new WebServerLab(segment, host, client)
    await lab.configure(httpd)
    made.move()
    return lab
  }

  private constructor(segment: Segment, host: DebianHost, client: SteadyClient) {
    this.#segment = segment
    this.host = host
    this.agent = new DebianAgent(host)
    this.client = client
  }

  configure(httpd: string): Promise<void> {
    return this.agent.configure(serverConfig(httpd))
  }

  /** What a shell on the host prints, whatever it ends with. */
  readonly sh = async (script: string): Promise<string> => {
    return (await this.host.spawn('sh', ['-c', script], { input: '' })).stdout
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.host[Symbol.asyncDispose]()
    await this.#segment[Symbol.asyncDispose]()
  }
}
