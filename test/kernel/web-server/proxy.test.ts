import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type EchoApplication, startEchoApplication } from '../../support/echo-application.ts'
import type { ChangeReport, ErrorReport, VerifyReport } from '../../support/rs-agent.ts'
import { RIP, VIP, WebServerLab } from '../../support/web-server-lab.ts'
import { differencesOf, takeWholeHost, type WholeHost } from '../../support/whole-host.ts'

/** The middle one of three levels, from nothing: nginx before two applications of the same host. */
const PORTS = [8081, 8082]
const httpd = (ports: readonly number[]) =>
  `server: nginx, healthPath: /health, proxy: [${ports.map(port => `"127.0.0.1:${port}"`).join(', ')}]`

describe('a reverse proxy', () => {
  let lab: WebServerLab
  let before: WholeHost
  let applications: EchoApplication[]
  const startAll = async () => {
    applications = await Promise.all(PORTS.map(port => startEchoApplication(lab.host.network, port)))
  }
  beforeAll(async () => {
    lab = await WebServerLab.build(httpd(PORTS))
    before = await takeWholeHost(lab.host)
    await startAll()
  })
  afterAll(() => lab[Symbol.asyncDispose]())
  beforeEach(async () => {
    await lab.configure(httpd(PORTS))
    await lab.agent.succeed('apply')
  })

  /** Which applications answer for the VIP, by their ports. */
  async function whoAnswers(): Promise<number[]> {
    const { pages, failures } = await lab.client.fetch({ address: VIP, path: '/page' }, 12)
    expect(failures).toEqual({})
    // The client keeps no more than the beginning of a page.
    return [...new Set(Object.keys(pages).map(page => Number(/^\{"port":(\d+)/.exec(page)?.[1])))].sort()
  }

  const status = (path: string) =>
    lab.sh(`curl -s -o /dev/null -w '%{http_code}' http://${RIP}/.rs-agent/${path}`)

  it('passes requests on after one apply, and has nothing to do again', async () => {
    expect(await whoAnswers()).toEqual(PORTS)
    expect(await lab.agent.succeed<ChangeReport>('plan')).toMatchObject({ changes: [], notes: [] })
    const { checks } = await lab.agent.succeed<VerifyReport>('verify', '--only', 'service-answers')
    expect(checks.filter(({ id }) => id === 'service-answers')).toMatchObject([
      { subject: `http://${VIP}/health`, verdict: 'pass' },
    ])
  })

  it('takes another list of applications, and loses no request by it', async () => {
    const [first = 0] = PORTS
    await lab.configure(httpd([first]))
    const apply = () => lab.agent.succeed('apply')
    const tally = await lab.client.fetchDuring({ address: VIP, path: '/page' }, apply, { pauseMs: 5 })
    expect(tally).toMatchObject({ failures: {} })
    expect(await whoAnswers()).toEqual([first])
  })

  it('is alive and not ready without its applications, and stays drained until they are back', async () => {
    await lab.agent.succeed('drain', '--no-wait')
    expect([await status('alive'), await status('ready')]).toEqual(['503', '503'])
    expect(await whoAnswers()).toEqual(PORTS)
    await Promise.all(applications.map(application => application.kill()))
    const refused = await lab.agent.run(['undrain', '--json'])
    expect(refused.exitCode).toBe(1)
    expect(refused.json<ErrorReport>().error.message).toMatch(
      /^this host stays drained: service-answers .*status 50\d/,
    )
    await startAll()
    // Those that were not there are asked again after ten seconds.
    await expect.poll(pageStatus, { timeout: 30_000 }).toBe('200')
    await lab.agent.succeed('undrain')
    expect([await status('alive'), await status('ready')]).toEqual(['200', '200'])
  })

  const pageStatus = () => lab.sh(`curl -s -o /dev/null -w '%{http_code}' http://${VIP}/health`)

  it('leaves nothing behind but its applications, after remove --purge', async () => {
    await lab.agent.succeed('remove', '--purge')
    const left = differencesOf(before, await takeWholeHost(lab.host))
    const isOfOthers = (line: string) =>
      // Debian's nginx copies it there, and forgets it; and the applications listen.
      line.includes('/var/www/html/index.nginx-debian.html') || PORTS.some(port => line.includes(`:${port}`))
    expect(left.filter(line => !isOfOthers(line))).toEqual([])
  })
})
