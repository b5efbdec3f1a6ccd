/** Shows what /status.json tells, and asks again each 2 s. */
import { pool } from './director.js'
import { alarms, overall, overallOf } from './overall.js'
import { about, agoText, fill, setClock, text } from './parts.js'
import { checks, history, nics, repairs, vips } from './real-server.js'

const EACH_MS = 2_000
const ANSWER_WITHIN_MS = 5_000

/** When the last answer came, by a clock that nobody sets; null before the first one. */
let heardAt = null
/** Why the last question was not answered; null when it was. */
let lost = null
/** What the title of the page says while there is contact. */
let heading = 'rs-agent'

async function ask() {
  try {
    show(await answerOf('/status.json'))
    lost = null
  } catch (error) {
    lost = error.message
  }
  tick()
}

function show(status) {
  heardAt = performance.now()
  setClock(Date.parse(status.at))
  const { host, realServer, director } = status
  const inShort = overallOf(status)
  heading = `${inShort.sign} ${host}: ${inShort.headline}`
  text('host', host)
  text('role', [realServer && 'real server', director && 'director'].filter(Boolean).join(' and '))
  fill('overall', overall(inShort))
  fill('alarms', alarms(status))
  fill('vips', realServer && vips(realServer))
  fill('nics', realServer && nics(realServer))
  fill('pool', director && pool(director))
  fill('checks', realServer && checks(realServer))
  fill('repairs', realServer && repairs(realServer))
  fill('history', realServer && history(realServer))
  fill('about', about(status))
}

/** Throws with words for a person, from the host or about it. */
async function answerOf(path) {
  const signal = AbortSignal.timeout(ANSWER_WITHIN_MS)
  const answer = await fetch(path, { cache: 'no-store', signal }).catch(() => {
    throw new Error('rs-agent does not answer')
  })
  const body = await answer.text()
  if (!answer.ok) throw new Error(body.trim())
  return JSON.parse(body)
}

/** What goes on between two answers: ages grow, and contact is lost. */
function tick() {
  const isLost = lost !== null
  document.documentElement.classList.toggle('lost', isLost)
  text('contact', isLost ? `Lost contact: ${lost}` : heardAt === null ? 'asking' : 'live')
  // Beside it: whoever has the page read out shall not hear each second.
  text(
    'contact-age',
    isLost && heardAt !== null ? `. What is below is of ${secondsSince(heardAt)} s ago` : '',
  )
  document.title = isLost ? `Lost contact: ${heading}` : heading
  for (const time of document.querySelectorAll('time')) {
    const now = agoText(time.dateTime)
    if (time.textContent !== now) time.textContent = now
  }
}

function secondsSince(at) {
  return Math.round((performance.now() - at) / 1000)
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
