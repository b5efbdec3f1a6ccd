import { dirname } from 'node:path'
import { DebianDisk, type DebianIdentity, DebianSystem, type SystemEnd } from './debian-system.ts'
import type { Host } from './host.ts'
import type { Spawned, SpawnOptions } from './namespace.ts'
import type { Segment } from './segment.ts'

/**
 * A whole machine, from nothing: a small Debian with systemd, with apt and the packages that it may install, and with
 * rs-agent; nothing that serves, and no role yet. It lives in namespaces of the running kernel. When this process
 * ends, however it ends, the host is gone, with all that it wrote.
 */
export class DebianHost implements AsyncDisposable {
  readonly name: string
  /** Without the prefix length. */
  readonly address: string
  readonly #segment: Segment
  readonly #identity: DebianIdentity
  readonly #disk: DebianDisk
  readonly #running = new Set<Spawned>()
  #network: Host
  #system: DebianSystem

  /** Needs root, and what debian-root.sh makes. Settles when systemd has started all that it starts at boot. */
  static async boot(segment: Segment, identity: DebianIdentity): Promise<DebianHost> {
    await using made = new AsyncDisposableStack()
    const disk = made.use(await DebianDisk.make(identity))
    const network = await segment.addHost(identity.name, identity.address, BY_THE_HOST)
    made.defer(() => segment.removeHost(network))
    const system = await DebianSystem.boot(disk, network.namespace)
    made.move()
    return new DebianHost(segment, identity, disk, network, system)
  }

  private constructor(
    segment: Segment,
    identity: DebianIdentity,
    disk: DebianDisk,
    network: Host,
    system: DebianSystem,
  ) {
    this.name = identity.name
    this.address = identity.address.replace(/\/.*/, '')
    this.#segment = segment
    this.#identity = identity
    this.#disk = disk
    this.#network = network
    this.#system = system
  }

  /** Its NICs and cables; another one after each boot. */
  get network(): Host {
    return this.#network
  }

  /** Starts a program on it, as root. Its promise does not reject: look at `exitCode`. */
  spawn(command: string, args: readonly string[] = [], options: SpawnOptions = {}): Spawned {
    const spawned = this.#system.spawn(command, args, options)
    this.#running.add(spawned)
    void spawned.finally(() => this.#running.delete(spawned))
    return spawned
  }

  /** Runs a program to its end and gives its stdout; an exit code other than 0 is an error. */
  async run(command: string, args: readonly string[] = [], options: SpawnOptions = {}): Promise<string> {
    const { exitCode, stdout, stderr } = await this.spawn(command, args, { input: '', ...options })
    if (exitCode === 0) return stdout
    throw new Error(
      `${[command, ...args].join(' ')} on ${this.name}: exit code ${exitCode}: ${stdout}${stderr}`,
    )
  }

  /** With the folders that it needs; everybody may read it. */
  async writeFile(path: string, content: string): Promise<void> {
    await this.run('mkdir', ['-p', dirname(path)])
    await this.run('tee', [path], { input: content })
  }

  /** Without a network: all that the lab has packages of. */
  async install(...packages: string[]): Promise<void> {
    await this.run('apt-get', ['-qq', 'install', '-y', ...packages], {
      env: { DEBIAN_FRONTEND: 'noninteractive' },
    })
  }

  async failedUnits(): Promise<string[]> {
    const list = await this.run('systemctl', ['list-units', '--failed', '--plain', '--no-legend'])
    return list.split('\n').flatMap(line => line.split(' ', 1).filter(Boolean))
  }

  /** As an administrator does it. Settles when all is started again. */
  async reboot(): Promise<void> {
    await this.#endBy('reboot', 'reboot')
    await this.powerOn()
  }

  /** As an administrator does it. */
  powerOff(): Promise<void> {
    return this.#endBy('poweroff', 'power off')
  }

  /** Pulls the plug. */
  async crash(): Promise<void> {
    await this.#system.kill()
    await this.#segment.switchOff(this.#network)
  }

  /** After it was switched off, or crashed: with the disk as it was then. Settles when all is started. */
  async powerOn(): Promise<void> {
    this.#network = await this.#segment.switchOn(this.#network, this.#identity.address, BY_THE_HOST)
    this.#system = await DebianSystem.boot(this.#disk, this.#network.namespace)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#system.kill()
    await Promise.all(this.#running)
    await this.#disk[Symbol.asyncDispose]()
    if (this.#segment.hosts.includes(this.#network)) await this.#segment.removeHost(this.#network)
  }

  async #endBy(verb: 'reboot' | 'poweroff', wanted: SystemEnd): Promise<void> {
    // What says so may end with the system, before it can tell how it went.
    const { stderr } = await this.spawn('systemctl', [verb], { input: '' })
    const end = await this.#system.ended
    if (end !== wanted) throw new Error(`systemctl ${verb} on ${this.name} came to a ${end}: ${stderr}`)
    await this.#segment.switchOff(this.#network)
  }
}

const BY_THE_HOST = { addressing: 'by the host' } as const
