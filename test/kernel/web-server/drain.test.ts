import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { ErrorReport } from '../../support/rs-agent.ts'
import { RIP, serverConfig, VIP, WebServerLab } from '../../support/web-server-lab.ts'

interface DrainReport {
  drained: boolean
  /** Nobody was there, and nobody came, for as long as was asked for. */
  quiet: boolean
  connections: number | null
  unbound: boolean
}

const OF_VIP = new RegExp(VIP, 'g')

describe.for(['apache', 'nginx'])('drain and undrain of %s', server => {
  let lab: WebServerLab
  beforeAll(async () => {
    lab = await WebServerLab.build(`server: ${server}`)
    await lab.agent.succeed('apply')
  })
  afterAll(() => lab[Symbol.asyncDispose]())
  beforeEach(async () => {
    await lab.configure(`server: ${server}`)
    await lab.agent.succeed('undrain')
  })

  const drain = (...options: string[]) => lab.agent.succeed<DrainReport>('drain', ...options)

  /** What directors hear, while every page is served as before. */
  async function status(address = RIP): Promise<number> {
    expect(await lab.client.fetch({ address }, 1)).toMatchObject({ pages: { 'our page': 1 } })
    const ask = `curl -s -o /dev/null -w '%{http_code}' http://${address}/.rs-agent/ready`
    return Number(await lab.sh(ask))
  }
  const boundVips = async () => [...(await lab.sh('ip -4 -o address show dev lo')).matchAll(OF_VIP)].flat()

  async function expectFailed(args: string[], message: RegExp): Promise<ErrorReport['error']> {
    const failed = await lab.agent.run([...args, '--json'])
    expect([failed.exitCode, failed.stdout]).toEqual([1, expect.any(String)])
    expect(failed.json<ErrorReport>().error.message).toMatch(message)
    return failed.json<ErrorReport>().error
  }

  it('tells directors at once, and waits for nobody when told so', async () => {
    expect(await status()).toBe(200)
    expect(await drain('--no-wait')).toEqual({
      drained: true,
      quiet: false,
      connections: null,
      unbound: false,
    })
    expect(await status()).toBe(503)
    expect(await lab.agent.succeed('undrain')).toMatchObject({
      drained: false,
      changed: true,
      checks: expect.arrayContaining([expect.objectContaining({ id: 'service-answers', verdict: 'pass' })]),
    })
    expect(await status()).toBe(200)
    expect(await lab.agent.succeed('undrain')).toEqual({ drained: false, changed: false, checks: [] })
  })

  it('waits until it has been quiet, also when it was drained before', async () => {
    for (const _ of ['at first', 'again'])
      expect(await drain('--quiet', '0.5')).toEqual({
        drained: true,
        quiet: true,
        connections: 0,
        unbound: false,
      })
  })

  it('ends with 1 when a client stays longer than the limit, drained all the same', async () => {
    await lab.client.connect({ address: VIP })
    const { exitCode, json } = await lab.agent.run(['drain', '--limit', '1', '--quiet', '0.5', '--json'])
    expect([exitCode, json()]).toEqual([1, { drained: true, quiet: false, connections: 1, unbound: false }])
    expect(await status()).toBe(503)
    // It is served to its end.
    expect(await lab.client.ask()).toBe('our page')
    expect(await drain('--quiet', '0.5')).toMatchObject({ connections: 0 })
  })

  it('unbinds the VIP when told so, which neither apply nor a second drain binds again', async () => {
    expect(await drain('--unbind', '--quiet', '0.5')).toEqual({
      drained: true,
      quiet: true,
      connections: 0,
      unbound: true,
    })
    for (const again of ['plan', 'apply'])
      expect(await lab.agent.succeed(again)).toMatchObject({
        changes: [],
        notes: [expect.stringContaining('its VIPs stay unbound')],
      })
    await drain('--unbind', '--quiet', '0.5')
    expect(await boundVips()).toEqual([])
    await lab.agent.succeed('undrain')
    expect(await boundVips()).toEqual([VIP])
    expect(await status(VIP)).toBe(200)
  })

  it.for([
    { options: [], bound: [VIP] },
    { options: ['--unbind'], bound: [] },
  ])('outlives a reboot and apply, with the options $options', async ({ options, bound }) => {
    await drain('--quiet', '0.5', ...options)
    await lab.host.reboot()
    await lab.agent.succeed('apply')
    expect(await status()).toBe(503)
    expect(await boundVips()).toEqual(bound)
    await lab.agent.succeed('undrain')
    expect(await status(VIP)).toBe(200)
  })

  it('is not ended while a check fails', async () => {
    await drain('--no-wait')
    await lab.sh('mv /var/www/html /var/www/away')
    const error = await expectFailed(['undrain'], /^this host stays drained: service-answers .*status 40[34]/)
    expect(error.hint).not.toBe('')
    await lab.sh('mv /var/www/away /var/www/html')
    expect(await status()).toBe(503)
  })

  it('is not begun when the processes of the web server cannot see it', async () => {
    await lab.host.run('chmod', ['700', '/etc/rs-agent'])
    const error = await expectFailed(
      ['drain', '--no-wait'],
      /^the host was not drained: .* status 200, expected 503/,
    )
    expect(error.hint).toContain('/etc/rs-agent')
    await lab.host.run('chmod', ['755', '/etc/rs-agent'])
    expect(await status()).toBe(200)
  })

  it('is not begun where the web server is not ours', async () => {
    await lab.agent.configure(serverConfig('').replace(/.*httpd.*\n/, ''))
    expect(await lab.agent.run(['drain'])).toMatchObject({
      exitCode: 65,
      stderr: expect.stringContaining('rs-agent director drain RIP'),
    })
    expect(await lab.agent.succeed('undrain')).toMatchObject({ drained: false, changed: false })
  })
})

describe('a web server that does not do as it is told', () => {
  it('has its new site taken back when it does not read its files again', async () => {
    await using lab = await WebServerLab.build('server: nginx')
    await lab.agent.succeed('apply')
    const master = await lab.sh('cat /run/nginx.pid')
    await lab.host.run('kill', ['-STOP', master])
    await lab.configure('server: nginx, healthPath: /other.html')
    const refused = async () => {
      const { exitCode, json } = await lab.agent.run(['apply', '--json'])
      expect(exitCode).toBe(1)
      expect(json<ErrorReport>().error.message).toMatch(
        /^nginx still serves another configuration .* undone$/,
      )
    }
    const tally = await lab.client.fetchDuring({ address: VIP }, refused, { pauseMs: 20 })
    expect(tally).toMatchObject({ failures: {} })
    await lab.host.run('kill', ['-CONT', master])
    await lab.configure('server: nginx')
    expect(await lab.agent.succeed('plan')).toMatchObject({ changes: [] })
  })
})
