import type { Config } from '../../config/load.ts'
import { SERVICE_DEFAULTS, type ServiceConfig } from '../../config/service.ts'
import { messageOf } from '../../errors.ts'
import type { Happening, KeepReport } from './report.ts'

export interface ConfigSource {
  /** Reads the configuration file; throws AgentError when it is wrong. */
  load(): Config
  /** Text that differs when the file has changed. */
  stamp(): string
  /** Why another configuration than that of the file is read at the start; null when it is that one. */
  refused(): string | null
}

/** The configuration that a run goes by: that of the file, or the one of before when that is refused. */
export class ConfigInUse {
  readonly #source: ConfigSource
  #config: Config
  #readAt = new Date()
  #stamp: string
  #refused: string | null

  /** Throws AgentError when the configuration is wrong. */
  constructor(source: ConfigSource) {
    this.#source = source
    this.#stamp = source.stamp()
    this.#config = source.load()
    this.#refused = source.refused()
  }

  get config(): Config {
    return this.#config
  }

  get service(): ServiceConfig {
    return serviceOf(this.#config)
  }

  get hasFileChanged(): boolean {
    return this.#source.stamp() !== this.#stamp
  }

  /**
   * Reads the file again, and makes of the host what it says. One that is wrong, or that this host cannot have, is
   * refused, and the one of before stays in use. Returns what somebody should hear of it.
   */
  async reload(
    make: () => Promise<void>,
  ): Promise<{ isRefused: boolean; told: readonly Omit<Happening, 'at'>[] }> {
    const before = this.#config
    this.#stamp = this.#source.stamp()
    try {
      this.#config = this.#source.load()
      await make()
    } catch (error) {
      this.#config = before
      this.#refused = messageOf(error)
      const message = `${messageOf(error)}: the configuration of before stays in use`
      return { isRefused: true, told: [{ level: 'warning', subject: '', message }] }
    }
    this.#readAt = new Date()
    this.#refused = null
    const subject = this.#config.file
    const inUse = { level: 'info' as const, subject, message: 'read again, and in use' }
    const elsewhere = {
      level: 'warning' as const,
      subject,
      message: '`listen` is another one: it needs a restart',
    }
    return { isRefused: false, told: isSamePlace(before, this.#config) ? [inUse] : [inUse, elsewhere] }
  }

  report(): KeepReport['config'] {
    return { file: this.#config.file, readAt: this.#readAt.toISOString(), refused: this.#refused }
  }
}

function serviceOf(config: Config): ServiceConfig {
  return config.service ?? SERVICE_DEFAULTS
}

function isSamePlace(one: Config, other: Config): boolean {
  const [before, now] = [one, other].map(config => JSON.stringify(serviceOf(config).listen))
  return before === now
}
