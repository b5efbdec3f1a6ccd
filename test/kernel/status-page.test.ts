import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Browser, type Visit } from '../support/browser.ts'
import { EndpointProcess } from '../support/endpoint.ts'
import {
  address,
  check,
  directorView,
  keepReport,
  realServerRow,
  secondsAgo,
  serviceView,
} from '../support/service-view.ts'

const VIP = address('10.10.10.100')
const HEALTHY = serviceView()

describe('the status page', () => {
  let endpoint: EndpointProcess
  beforeEach(async () => {
    endpoint = await EndpointProcess.start(HEALTHY)
  })
  afterEach(async () => {
    await endpoint[Symbol.asyncDispose]()
  })

  it('says of a real server in short, and in detail, that it is right', async () => {
    await using browser = await Browser.start()
    const visit = await browser.open(endpoint.url)
    await sees(visit, '#overall', 'Bound, silent and serving')
    expect(await visit.page.title()).toBe('✓ rs1: Bound, silent and serving')
    await sees(visit, '#vips', 'bound 10.10.10.100 10.10.10.100/32 on lo')
    await sees(visit, '#nics', 'silent eth0')
    await sees(visit, '#checks', '6 pass')
    await sees(visit, '#checks', 'pass arp-silence 10.10.10.100 evidence of arp-silence')
    expect(await visit.page.locator('#alarms, #pool, #repairs').filter({ visible: true }).count()).toBe(0)
    isQuiet(visit)
  })

  it('does not say that it serves where nothing asks for a page', async () => {
    const checks = [check('vip-bound', 'pass'), check('service-answers', 'skipped')]
    endpoint.tell(serviceView({ realServer: keepReport({ checks }) }))
    await using browser = await Browser.start()
    const { page } = await browser.open(endpoint.url)
    await expect.poll(() => page.title(), { timeout: 20_000 }).toBe('✓ rs1: Bound and silent')
  })

  it('has alarms at the top, in words, and what failed first', async () => {
    endpoint.tell(serviceView({ realServer: TROUBLE }))
    await using browser = await Browser.start()
    const visit = await browser.open(endpoint.url)
    await sees(visit, '#alarms', 'ALARM Another host claims a VIP 02:00:00:00:02:0e claims 10.10.10.100')
    await sees(visit, '#alarms', '12 times, last')
    await sees(visit, '#overall', 'No clients should be sent here')
    await sees(visit, '#overall', 'The configuration file is refused')
    await sees(visit, '#vips', 'not bound 10.10.10.100')
    await sees(visit, '#nics', 'AUDIBLE eth1')
    await sees(visit, '#checks li >> nth=0', 'fail arp-sysctl 10.10.10.100')
    await sees(visit, '#checks li >> nth=1', 'unknown arp-announce 10.10.10.100')
    await sees(visit, '#repairs', 'held back net.ipv4.conf.eth1.arp_ignore')
    await sees(visit, '#repairs', 'Who may be doing it: NetworkManager')
    await sees(visit, '#history li >> nth=0', 'eth1 cannot be silenced')
    isQuiet(visit)
  })

  it('shows the pool of a director', async () => {
    endpoint.tell(serviceView({ host: 'director1', realServer: null, director: POOL }))
    await using browser = await Browser.start()
    const visit = await browser.open(endpoint.url)
    await sees(visit, '#overall', '1 of 2 real servers are down')
    await sees(visit, '#pool', '10.10.10.100:80/tcp wlc, 1 of 2 serving, 12 new/s')
    await sees(visit, '#pool tbody tr >> nth=0', '10.10.10.12:80 serving 10 up 1.3 ms, since')
    await sees(visit, '#pool tbody tr >> nth=0', '42 1.23 k 12 4.32 kB 0 B')
    await sees(visit, '#pool tbody tr >> nth=1', '10.10.10.13:80 out down, since')
    await sees(visit, '#pool tbody tr >> nth=1', 'connection refused')
    isQuiet(visit)
  })

  it('follows what changes, and lets what somebody has selected be', async () => {
    await using browser = await Browser.start()
    const visit = await browser.open(endpoint.url)
    await sees(visit, '#overall', 'Bound, silent and serving')
    await visit.page.locator('#nics .subject').first().selectText()
    endpoint.tell(serviceView({ realServer: keepReport({ drain: 'drained' }) }))
    await sees(visit, '#overall', 'Drained')
    expect(await visit.page.evaluate('String(getSelection())')).toBe('eth0')
    isQuiet(visit)
  })

  it('shows that contact is lost, that what is shown is old, and that it is back', async () => {
    await using browser = await Browser.start()
    const visit = await browser.open(endpoint.url)
    await sees(visit, '.contact', 'live')
    await endpoint.end('SIGKILL')
    await sees(visit, '.contact', 'Lost contact: rs-agent does not answer. What is below is of')
    expect(await visit.page.title()).toMatch(/^Lost contact: /)
    await sees(visit, '#overall', 'Bound, silent and serving')
    await using _again = await EndpointProcess.start(HEALTHY, { host: '127.0.0.1', port: endpoint.port })
    await sees(visit, '.contact', 'live')
    expect(await visit.page.title()).toMatch(/^✓ rs1/)
  })

  it('says why the host does not know how it is', async () => {
    endpoint.failWith('the table cannot be read')
    await using browser = await Browser.start()
    const visit = await browser.open(endpoint.url)
    await sees(
      visit,
      '.contact',
      'Lost contact: rs-agent cannot tell how this host is: the table cannot be read',
    )
  })

  it('shows what others have written as text', async () => {
    const hostile = '<img src=x onerror="document.title=1"><script>document.title=2</script>'
    const [alarm] = TROUBLE.alarms
    const realServer = keepReport({
      checks: [{ ...check('vip-owner', 'fail', hostile), evidence: hostile }],
      alarms: alarm === undefined ? [] : [{ ...alarm, message: hostile }],
      history: [{ at: secondsAgo(1), level: 'warning', subject: hostile, message: hostile }],
    })
    endpoint.tell(serviceView({ realServer, host: hostile }))
    await using browser = await Browser.start()
    const visit = await browser.open(endpoint.url)
    for (const place of ['#host', '#alarms', '#checks', '#history']) await sees(visit, place, hostile)
    expect(await visit.page.locator('img, main script').count()).toBe(0)
    isQuiet(visit)
  })

  it.each(['light', 'dark'] as const)('fits a phone, and is read well on %s ground', async colorScheme => {
    endpoint.tell(serviceView({ realServer: TROUBLE, director: POOL }))
    await using browser = await Browser.start({ width: 360, height: 740, colorScheme })
    const visit = await browser.open(endpoint.url)
    await sees(visit, '#alarms', 'Another host claims a VIP')
    await sees(visit, '#pool', '10.10.10.13:80')
    expect(await visit.page.evaluate('document.documentElement.scrollWidth')).toBe(360)
    // WCAG 2.2, 1.4.3: 4.5 to 1.
    expect(await visit.page.evaluate(PALE_TEXT)).toEqual([])
    isQuiet(visit)
  })
})

const TROUBLE = keepReport({
  config: { ...keepReport().config, refused: '/etc/rs-agent/config.yaml:3:5: unknown key "vip"' },
  vips: [{ address: VIP, bound: false, evidence: 'not on lo' }],
  nics: [
    { name: 'eth0', silent: true, evidence: 'arp_ignore 1, arp_announce 2' },
    { name: 'eth1', silent: false, evidence: 'arp_ignore 0 (all 0, eth1 0)' },
  ],
  checks: [check('vip-bound', 'pass'), check('arp-announce', 'unknown'), check('arp-sysctl', 'fail')],
  repairs: [
    {
      subject: 'net.ipv4.conf.eth1.arp_ignore',
      resource: 'arp-sysctl',
      count: 17,
      firstAt: secondsAgo(4_000),
      lastAt: secondsAgo(30),
      tookMs: 3.2,
      heldBackUntil: secondsAgo(-30),
      suspects: ['NetworkManager'],
    },
  ],
  alarms: [
    {
      kind: 'foreign-claim',
      vip: VIP,
      nic: 'eth0',
      mac: '02:00:00:00:02:0e',
      message: '02:00:00:00:02:0e claims 10.10.10.100',
      count: 12,
      since: secondsAgo(300),
      lastAt: secondsAgo(4),
    },
  ],
  history: [
    { at: secondsAgo(3_600), level: 'info', subject: '', message: 'running' },
    { at: secondsAgo(30), level: 'warning', subject: 'eth1', message: 'eth1 cannot be silenced' },
  ],
})

const OUT = realServerRow({
  realServer: '10.10.10.13:80',
  state: 'out',
  health: 'down',
  why: 'connection refused',
  latencyMs: null,
  table: null,
})
const POOL = directorView({
  services: directorView().services.map(service => ({ ...service, realServers: [realServerRow(), OUT] })),
})

/** As a person reads it: signs and columns are spaces between words. */
async function sees({ page }: Visit, place: string, words: string): Promise<void> {
  const shown = async () => (await page.locator(place).allInnerTexts()).join(' ')
  await expect.poll(async () => wordsOf(await shown()), { timeout: 20_000 }).toContain(wordsOf(words))
}

function wordsOf(text: string): string {
  return text.replaceAll(/[✓✗⚠–!?→\s]+/g, ' ')
}

/** Nothing to complain of, and nobody else was asked for anything. */
function isQuiet({ errors, urls, page }: Visit): void {
  expect(errors).toEqual([])
  const { origin } = new URL(page.url())
  expect(urls.filter(url => !url.startsWith(`${origin}/`))).toEqual([])
}

/** Runs in the page: texts whose colour is too near that of their ground. */
const PALE_TEXT = `(() => {
  const parse = color => (color.match(/[0-9.]+/g) ?? []).map(Number)
  const linear = part => (part /= 255) <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
  const groundOf = element => {
    for (let at = element; at !== null; at = at.parentElement) {
      const color = parse(getComputedStyle(at).backgroundColor)
      if (color.length === 3) return color
    }
    return [255, 255, 255]
  }
  return [...document.querySelectorAll('body *')]
    .filter(element => [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim() !== ''))
    .filter(element => element.checkVisibility())
    .flatMap(element => {
      const [dark, light] = [luminance(parse(getComputedStyle(element).color)), luminance(groundOf(element))].sort((a, b) => a - b)
      const contrast = (light + 0.05) / (dark + 0.05)
      return contrast < 4.5 ? [element.textContent + ': ' + contrast.toFixed(1)] : []
    })
})()`
