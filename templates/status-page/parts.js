/** What every section is made of. Whatever comes from elsewhere becomes text, never HTML. */

/** By word and sign, the worst first: colour alone says nothing to many. */
export const SIGNS = { fail: '✗', unknown: '?', pass: '✓', skipped: '–' }
/** Beyond that a page is of no use to a reader. */
export const MOST_ROWS = 300

/** What time it was on the host, and when that was by a clock that nobody sets. */
let clock = { hostMs: 0, at: 0 }

export function setClock(hostMs) {
  clock = { hostMs, at: performance.now() }
}

export function about({ version, realServer, process }) {
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

export function title(id, name, remark) {
  return element('h2', { id: `${id}-title` }, [name, ' ', element('small', {}, [remark])])
}

export function verdict(kind, word) {
  return element('span', { class: kind }, [mark(SIGNS[kind]), word])
}

/** For eyes alone: the word behind it says the same. */
export function mark(sign) {
  return element('span', { 'aria-hidden': 'true' }, [`${sign} `])
}

export function rows(items, cells) {
  const left = items.length - MOST_ROWS
  return element('ul', { class: 'rows' }, [
    ...items.slice(0, MOST_ROWS).map(item => element('li', {}, cells(item))),
    left > 0 && element('li', {}, [`and ${left} more: /status.json has all`]),
  ])
}

/** How long ago that was; it goes on counting between two answers. */
export function ago(iso) {
  const time = element('time', { datetime: iso, title: iso }, [])
  time.textContent = agoText(iso)
  return time
}

export function agoText(iso) {
  const now = clock.hostMs + performance.now() - clock.at
  const seconds = Math.round((now - Date.parse(iso)) / 1000)
  if (seconds <= -1) return `in ${span(-seconds)}`
  return seconds >= 1 ? `${span(seconds)} ago` : 'now'
}

function span(seconds) {
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`
  return seconds < 172_800 ? `${Math.round(seconds / 3_600)} h` : `${Math.round(seconds / 86_400)} days`
}

export function milliseconds(value) {
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`
}

export function bytes(value) {
  return value < 1_000 ? `${Math.round(value)} B` : `${short(value)}B`
}

export function short(value) {
  const units = ['', 'k', 'M', 'G', 'T', 'P']
  let scaled = value
  let unit = 0
  for (; scaled >= 1_000 && unit < units.length - 1; unit++) scaled /= 1000
  return unit === 0 ? String(Math.round(scaled)) : `${scaled.toPrecision(3)} ${units[unit]}`
}

export function element(name, attributes, children) {
  const made = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) if (value !== '') made.setAttribute(key, value)
  // A string becomes a text node.
  made.append(...children.flat().filter(child => child !== false && child != null && child !== ''))
  return made
}

/** Only what differs is replaced: what somebody has selected, or hears being read out, stays. */
export function fill(id, children) {
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

export function text(id, value) {
  const place = document.getElementById(id)
  if (place.textContent !== value) place.textContent = value
}
