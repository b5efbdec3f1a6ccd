/**
 * Shows what /status.json tells, and asks again each 2 s. Whatever comes from other hosts (MACs, evidence, names) gets
 * into the page as text alone, never as HTML.
 */

const EACH_MS = 2_000
const ANSWER_WITHIN_MS = 5_000
/** Beyond that a page is of no use to a reader. */
const MOST_ROWS = 300
const LATEST_HAPPENINGS = 50

const SIGNS = { pass: '✓', fail: '✗', unknown: '?', skipped: '–' }
const SEVERITY = ['fail', 'unknown', 'pass', 'skipped']
const ROLE_OF_STATE = {
  serving: 'pass',
  kept: 'warning',
  fallback: 'warning',
  drained: 'warning',
  resting: 'warning',
  out: 'fail',
}
const SIGN_OF_STATE = { pass: '✓', warning: '!', fail: '✗' }

/** When the last answer came, by a clock that nobody sets, and what time it was on the host. */
let heard = null
/** Why the last question was not answered; null when it was. */
let lost = null

function show(status) {
  heard = { at: performance.now(), hostMs: Date.parse(status.at) }
  const { host, realServer, director } = status
  const roles = [realServer && 'real server', director && 'director'].filter(Boolean)
  text('host', host)
  text('role', roles.join(' and '))
  fill('overall', overall(status))
  fill('alarms', alarms(status))
  fill('vips', realServer && vips(realServer))
  fill('nics', realServer && nics(realServer))
  fill('pool', director && pool(director))
  fill('checks', realServer && checks(realServer))
  fill('repairs', realServer && repairs(realServer))
  fill('history', realServer && history(realServer))
  fill('about', about(status))
}

/* ---- In short ---- */

function overall(status) {
  const { realServer, director, notHealthy } = status
  const warnings = warningsOf(status)
  const kind = notHealthy.length > 0 ? 'bad' : warnings.length > 0 ? 'warn' : 'good'
  document.getElementById('overall').className = kind
  const drained = realServer !== null && realServer.drain !== 'in rotation'
  const headline =
    kind === 'bad'
      ? drained
        ? `${realServer.drain}: out of rotation`
        : realServer === null && director !== null
          ? 'The pool is not served as it should be'
          : 'No clients should be sent here'
      : realServer === null
        ? 'The pool is served'
        : 'Bound, silent and serving'
  const sign = { bad: '✗', warn: '!', good: '✓' }[kind]
  const shade = { bad: 'fail', warn: 'warning', good: 'pass' }[kind]
  document.title = `${sign} ${status.host}: ${headline}`
  const lines = [...notHealthy, ...warnings]
  return [
    element('p', { class: `headline ${shade}` }, [mark(sign), headline]),
    lines.length > 0 &&
      element(
        'ul',
        {},
        lines.map(line => element('li', {}, [line])),
      ),
  ]
}

function warningsOf({ realServer, director }) {
  const refused = [realServer?.config.refused, director?.run?.refusedConfig].filter(Boolean)
  return [...new Set(refused)].map(
    why => `The configuration file is not in use, but the one of before: ${why}`,
  )
}

function alarms({ realServer, director }) {
  const told = [
    ...(realServer?.alarms ?? []).map(alarm => ({ ...alarm, subject: ALARM_TITLES[alarm.kind] })),
    ...(director?.alarms ?? []),
  ]
  if (told.length === 0) return null
  return [
    element('h2', { class: 'alarm' }, [mark('⚠'), told.length === 1 ? 'Alarm' : `${told.length} alarms`]),
    rows(told, ({ subject, message, count, hint, since, lastAt }) => [
      element('span', { class: 'alarm' }, ['ALARM']),
      element('span', { class: 'subject' }, [subject]),
      element('span', {}, [
        message,
        element('span', { class: 'hint' }, [
          count > 1 ? `${count} times, last ` : 'last ',
          ago(lastAt),
          ', first ',
          ago(since),
          hint && `. ${hint}`,
        ]),
      ]),
    ]),
  ]
}

const ALARM_TITLES = {
  'own-claim': 'This host claimed a VIP',
  'foreign-claim': 'Another host claims a VIP',
  audible: 'This host is audible',
  blind: 'Nobody watches the wire',
}

/* ---- Real server ---- */

function vips({ vips, withdrawn }) {
  return [
    title('vips', 'VIPs', withdrawn === null ? '' : `withdrawn: ${withdrawn}`),
    rows(vips, ({ address, bound, evidence }) => [
      verdict(bound ? 'pass' : 'fail', bound ? 'bound' : 'not bound'),
      element('span', { class: 'subject' }, [address]),
      element('span', { class: 'text' }, [evidence]),
    ]),
  ]
}

function nics({ nics }) {
  return [
    title('nics', 'NICs', 'silent when ARP asks for a VIP'),
    rows(nics, ({ name, silent, evidence }) => [
      verdict(silent ? 'pass' : 'fail', silent ? 'silent' : 'AUDIBLE'),
      element('span', { class: 'subject' }, [name]),
      element('span', { class: 'text' }, [evidence]),
    ]),
  ]
}

function checks({ checks, checkedAt }) {
  const counts = SEVERITY.map(each => [each, checks.filter(check => check.verdict === each).length])
  const tally = counts.filter(([, count]) => count > 0).map(([each, count]) => `${count} ${each}`)
  const sorted = checks.toSorted(
    (left, right) => SEVERITY.indexOf(left.verdict) - SEVERITY.indexOf(right.verdict),
  )
  const heading = title(
    'checks',
    'Checks',
    checkedAt === null ? 'the first look is under way' : `${tally.join(', ')}, `,
  )
  if (checkedAt !== null) heading.querySelector('small').append(ago(checkedAt))
  return [
    heading,
    rows(sorted, ({ id, subject, verdict: judged, evidence, hint }) => [
      verdict(judged, judged),
      element('span', {}, [element('span', { class: 'subject' }, [id]), ' ', subject]),
      element('span', { class: 'text' }, [
        evidence,
        hint && element('span', { class: 'hint' }, [`→ ${hint}`]),
      ]),
    ]),
  ]
}

function repairs({ repairs }) {
  if (repairs.length === 0) return null
  const total = repairs.reduce((sum, { count }) => sum + count, 0)
  return [
    title('repairs', 'Repaired', total === 1 ? 'once' : `${total} times`),
    rows(
      repairs.toSorted((left, right) => right.lastAt.localeCompare(left.lastAt)),
      ({ subject, count, firstAt, lastAt, tookMs, heldBackUntil, suspects }) => [
        heldBackUntil === null
          ? element('span', {}, [count === 1 ? 'once' : `${count} times`])
          : element('span', { class: 'warning' }, [mark('!'), 'held back']),
        element('span', { class: 'subject' }, [subject]),
        element('span', { class: 'text' }, [
          'last ',
          ago(lastAt),
          ` within ${milliseconds(tookMs)}`,
          count > 1 && ', first ',
          count > 1 && ago(firstAt),
          heldBackUntil !== null &&
            element('span', { class: 'hint' }, [`Undone ${count} times: left alone until ${heldBackUntil}`]),
          suspects.length > 0 &&
            element('span', { class: 'hint' }, [`Who may be doing it: ${suspects.join(', ')}`]),
        ]),
      ],
    ),
  ]
}

function history({ history }) {
  if (history.length === 0) return null
  return [
    title('history', 'What happened', 'the latest first'),
    rows(history.slice(-LATEST_HAPPENINGS).reverse(), ({ at, level, subject, message }) => [
      element('span', { class: level === 'warning' ? 'warning' : 'text' }, [
        level === 'warning' && mark('!'),
        ago(at),
      ]),
      element('span', { class: 'subject' }, [subject]),
      element('span', {}, [message]),
    ]),
  ]
}

/* ---- Director ---- */

const COLUMNS = ['Real server', 'State', 'Weight', 'Check', 'Active', 'Inactive', 'New/s', 'In/s', 'Out/s']

function pool({ run, services, at }) {
  const heading = title('pool', 'Pool', run === null ? '' : `checked by process ${run.pid}, read `)
  if (run !== null) heading.querySelector('small').append(ago(at))
  return [
    heading,
    run === null &&
      element('p', { class: 'warning' }, [
        mark('!'),
        'No director run is alive: nobody checks these real servers',
      ]),
    ...services.flatMap(service),
  ]
}

function service({ service, scheduler, persistenceSeconds, usesFallback, rates, realServers }) {
  const serving = realServers.filter(({ state }) => state === 'serving').length
  const facts = [
    scheduler,
    persistenceSeconds !== null && `persistent ${persistenceSeconds} s`,
    `${serving} of ${realServers.length} serving`,
    `${short(rates.connectionsPerSecond)} new/s`,
  ].filter(Boolean)
  const left = realServers.length - MOST_ROWS
  return [
    element('h3', {}, [service, ' ', element('small', {}, [facts.join(', ')])]),
    usesFallback &&
      element('p', { class: 'warning' }, [mark('!'), 'The fallback serves: no real server can']),
    element('table', { role: 'table' }, [
      element('thead', { role: 'rowgroup' }, [
        element(
          'tr',
          { role: 'row' },
          COLUMNS.map((name, index) =>
            element(
              'th',
              { role: 'columnheader', scope: 'col', class: index > 3 || index === 2 ? 'number' : '' },
              [name],
            ),
          ),
        ),
      ]),
      element('tbody', { role: 'rowgroup' }, realServers.slice(0, MOST_ROWS).map(realServerRow)),
    ]),
    left > 0 && element('p', { class: 'text' }, [`and ${left} more: rs-agent director status`]),
  ]
}

function realServerRow({ realServer, state, health, why, since, latencyMs, table }) {
  const shade = ROLE_OF_STATE[state]
  const cell = (name, children, kind = '') =>
    element('td', { role: 'cell', 'data-name': name, class: kind }, children)
  const number = (name, value) => cell(name, value === undefined ? [] : [value], 'number')
  return element('tr', { role: 'row' }, [
    element('th', { role: 'rowheader', scope: 'row' }, [realServer]),
    cell('State', [element('span', { class: shade }, [mark(SIGN_OF_STATE[shade]), state])]),
    number('Weight', table === null ? undefined : String(table.weight)),
    cell(
      'Check',
      health === null
        ? ['no checks']
        : [
            element('span', {}, [
              element('span', { class: { up: 'pass', down: 'fail', unproven: 'unknown' }[health] }, [health]),
              latencyMs !== null && ` ${milliseconds(latencyMs)}`,
              since !== null && ', since ',
              since !== null && ago(since),
              why && element('span', { class: 'hint' }, [why]),
            ]),
          ],
    ),
    number('Active', table && short(table.activeConnections)),
    number('Inactive', table && short(table.inactiveConnections)),
    number('New/s', table && short(table.rates.connectionsPerSecond)),
    number('In/s', table && bytes(table.rates.inBytesPerSecond)),
    number('Out/s', table && bytes(table.rates.outBytesPerSecond)),
  ])
}

/* ---- Parts of a page ---- */

function about({ version, realServer, process }) {
  return [
    `rs-agent ${version}, process ${process.pid}, since `,
    ago(process.startedAt),
    `, ${bytes(process.residentBytes)} resident, ${process.cpuSeconds.toFixed(1)} s of CPU`,
    realServer && `, configured by ${realServer.config.file}`,
    '. ',
    element('a', { href: '/status.json' }, ['JSON']),
    ' ',
    element('a', { href: '/metrics' }, ['metrics']),
    ' ',
    element('a', { href: '/healthz' }, ['healthz']),
  ]
}

function title(id, name, remark) {
  return element('h2', { id: `${id}-title` }, [name, ' ', element('small', {}, [remark])])
}

/** By word and sign: colour alone says nothing to many. */
function verdict(kind, word) {
  return element('span', { class: kind }, [mark(SIGNS[kind]), word])
}

/** For eyes alone: the word behind it says the same. */
function mark(sign) {
  return element('span', { 'aria-hidden': 'true' }, [`${sign} `])
}

function rows(items, cells) {
  const left = items.length - MOST_ROWS
  return element('ul', { class: 'rows' }, [
    ...items.slice(0, MOST_ROWS).map(item => element('li', {}, cells(item))),
    left > 0 && element('li', {}, [`and ${left} more: /status.json has all`]),
  ])
}

/** How long ago that was; it goes on counting between two answers. */
function ago(iso) {
  const time = element('time', { datetime: iso, title: iso }, [])
  time.textContent = agoText(iso)
  return time
}

function agoText(iso) {
  const seconds = Math.round((heard.hostMs + performance.now() - heard.at - Date.parse(iso)) / 1000)
  if (!(seconds >= 1)) return 'now'
  if (seconds < 120) return `${seconds} s ago`
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min ago`
  return seconds < 172_800
    ? `${Math.round(seconds / 3_600)} h ago`
    : `${Math.round(seconds / 86_400)} days ago`
}

function milliseconds(value) {
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`
}

function bytes(value) {
  return `${short(value)}B`
}

function short(value) {
  const units = ['', 'k', 'M', 'G', 'T', 'P']
  let scaled = value
  let unit = 0
  for (; scaled >= 1_000 && unit < units.length - 1; unit++) scaled /= 1000
  return unit === 0 ? String(Math.round(scaled)) : `${scaled.toPrecision(3)} ${units[unit]}`
}

function element(name, attributes, children) {
  const made = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) if (value !== '') made.setAttribute(key, value)
  // A string becomes a text node.
  made.append(...children.flat().filter(child => child !== false && child != null && child !== ''))
  return made
}

/** Only what differs is replaced: what somebody has selected, or hears being read out, stays. */
function fill(id, children) {
  const place = document.getElementById(id)
  const made = document.createElement('div')
  made.append(...(children ?? []).flat().filter(child => child !== false && child != null && child !== ''))
  if (withoutTimes(made) === withoutTimes(place) && times(made) === times(place)) return
  place.replaceChildren(...made.childNodes)
}

function withoutTimes(place) {
  const copy = place.cloneNode(true)
  for (const time of copy.querySelectorAll('time')) time.textContent = ''
  return copy.innerHTML
}

function times(place) {
  return [...place.querySelectorAll('time')].map(time => time.dateTime).join()
}

function text(id, value) {
  const place = document.getElementById(id)
  if (place.textContent !== value) place.textContent = value
}

/* ---- Asking ---- */

async function ask() {
  try {
    const answer = await fetch('/status.json', {
      cache: 'no-store',
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    })
    if (!answer.ok) throw new Error((await answer.text()).trim())
    show(await answer.json())
    lost = null
  } catch (error) {
    lost =
      error instanceof TypeError || error.name === 'TimeoutError' ? 'rs-agent does not answer' : error.message
  }
  tick()
}

/** What goes on between two answers: ages grow, and contact is lost. */
function tick() {
  document.documentElement.classList.toggle('lost', lost !== null)
  const last =
    heard === null ? '' : `: what is shown is of ${Math.round((performance.now() - heard.at) / 1000)} s ago`
  text('contact', lost === null ? 'live' : `Lost contact: ${lost}`)
  // Beside it: a reader that is read to shall not hear each second.
  text('contact-age', lost === null ? '' : last)
  if (heard === null) return
  if (lost !== null && !document.title.startsWith('Lost contact'))
    document.title = `Lost contact: ${document.title}`
  for (const time of document.querySelectorAll('time')) {
    const now = agoText(time.dateTime)
    if (time.textContent !== now) time.textContent = now
  }
}

async function follow() {
  for (;;) {
    // Nobody looks at it.
    if (document.visibilityState === 'visible') await ask()
    await new Promise(resolve => setTimeout(resolve, EACH_MS))
  }
}

document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible') void ask()
})
setInterval(tick, 1_000)
await follow()
