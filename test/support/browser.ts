import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, chromium, type Page } from 'playwright-core'
import { unpackedEnvironment, unpackedFolder } from './unpacked-tools.ts'

/** Nothing of it calls home, and nothing of this machine's users is read. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

export interface Looks {
  /** In CSS pixels. */
  width?: number
  height?: number
  colorScheme?: 'light' | 'dark'
}

/** Debian's Chromium, with a profile of its own that goes with it. */
export class Browser implements AsyncDisposable {
  readonly #context: BrowserContext
  readonly #folder: string

  static async start({ width = 1_200, height = 900, colorScheme = 'light' }: Looks = {}): Promise<Browser> {
    const folder = mkdtempSync(join(tmpdir(), 'rs-agent-browser-'))
    const profile = join(folder, 'profile')
    mkdirSync(profile)
    try {
      const context = await chromium.launchPersistentContext(profile, {
        executablePath: `${unpackedFolder('browser')}/usr/lib/chromium/chromium`,
        headless: true,
        chromiumSandbox: false,
        args: FLAGS,
        env: { ...unpackedEnvironment('browser'), FONTCONFIG_FILE: fontsOf(folder), HOME: folder },
        viewport: { width, height },
        colorScheme,
        timeout: 60_000,
      })
      return new Browser(context, folder)
    } catch (error) {
      rmSync(folder, { recursive: true, force: true })
      throw error
    }
  }

  private constructor(context: BrowserContext, folder: string) {
    this.#context = context
    this.#folder = folder
  }

  /** A page, and what a person does not see of it. */
  async open(url: string): Promise<Visit> {
    const page = await this.#context.newPage()
    const visit: Visit = { page, errors: [], urls: [] }
    page.on('console', message => {
      if (message.type() === 'error' || message.type() === 'warning') visit.errors.push(message.text())
    })
    page.on('pageerror', error => visit.errors.push(error.message))
    page.on('request', request => visit.urls.push(request.url()))
    await page.goto(url)
    return visit
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#context.close()
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

export interface Visit {
  page: Page
  /** What its console and its script complained of. */
  errors: string[]
  /** What it asked for. */
  urls: string[]
}

/** The font that was unpacked beside it, whatever this machine has. */
function fontsOf(folder: string): string {
  const file = join(folder, 'fonts.conf')
  const fonts = `${unpackedFolder('browser')}/usr/share/fonts`
  writeFileSync(
    file,
    `<?xml version="1.0"?><fontconfig><dir>${fonts}</dir><cachedir>${folder}/fonts</cachedir></fontconfig>\n`,
  )
  return file
}
