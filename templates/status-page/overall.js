/** The verdict on the whole host, and its alarms. */
import { ago, element, mark, rows } from './parts.js'

const SIGNS = { bad: '✗', warn: '!', good: '✓' }
const SHADES = { bad: 'fail', warn: 'warning', good: 'pass' }

const ALARM_TITLES = {
  'own-claim': 'This host claimed a VIP',
  'foreign-claim': 'Another host claims a VIP',
  audible: 'This host is audible',
  blind: 'Nobody watches the wire',
}

/** What a person shall know after one look. */
export function overallOf(status) {
  const warnings = warningsOf(status)
  const kind = status.notHealthy.length > 0 ? 'bad' : warnings.length > 0 ? 'warn' : 'good'
  const headline = { bad: badNews, warn: mixedNews, good: goodNews }[kind](status)
  return { kind, sign: SIGNS[kind], headline, reasons: [...status.notHealthy, ...warnings] }
}

function badNews({ realServer, director }) {
  if (realServer === null)
    return director === null ? 'No role is kept' : 'The pool is not served as it should be'
  return realServer.drain === 'in rotation'
    ? 'No clients should be sent here'
    : 'Drained: no clients should be sent here'
}

function mixedNews(status) {
  return `${goodNews(status)}, but look at this`
}

function goodNews({ realServer }) {
  if (realServer === null) return 'The pool is served'
  const isServing = realServer.checks.some(
    ({ id, verdict }) => id === 'service-answers' && verdict === 'pass',
  )
  // Where nothing asks for a page nobody knows whether one comes.
  return isServing ? 'Bound, silent and serving' : 'Bound and silent'
}

/** What does not keep clients away, and somebody should look at. */
function warningsOf(status) {
  const { realServer, director } = status
  const told = alarmsOf(status).length
  const refused = [realServer?.config.refused, director?.run?.refusedConfig].filter(Boolean)
  const restless = realServer?.repairs.filter(({ heldBackUntil }) => heldBackUntil !== null) ?? []
  return [
    ...(told === 0 ? [] : [told === 1 ? 'There is an alarm' : `There are ${told} alarms`]),
    ...[...new Set(refused)].map(
      why => `The configuration file is refused, the one of before is in use: ${why}`,
    ),
    ...restless.map(({ subject }) => `Somebody undoes the repair of ${subject} again and again`),
    ...(director?.services ?? []).flatMap(poolWarnings),
  ]
}

function poolWarnings({ service, usesFallback, realServers }) {
  const down = realServers.filter(({ health, state }) => health === 'down' || state === 'out').length
  return [
    usesFallback && `${service}: the fallback serves`,
    down > 0 && `${service}: ${down} of ${realServers.length} real servers are down`,
  ].filter(Boolean)
}

export function overall({ kind, sign, headline, reasons }) {
  document.getElementById('overall').className = kind
  return [
    element('p', { class: `headline ${SHADES[kind]}` }, [mark(sign), headline]),
    reasons.length > 0 &&
      element(
        'ul',
        {},
        reasons.map(reason => element('li', {}, [reason])),
      ),
  ]
}

function alarmsOf({ realServer, director }) {
  const own = (realServer?.alarms ?? []).map(alarm => ({ ...alarm, subject: ALARM_TITLES[alarm.kind] }))
  return [...own, ...(director?.alarms ?? [])]
}

export function alarms(status) {
  const told = alarmsOf(status)
  if (told.length === 0) return null
  return [
    element('h2', { class: 'alarm' }, [mark('⚠'), told.length === 1 ? 'Alarm' : `${told.length} alarms`]),
    rows(told, ({ subject, message, count, hint, since, lastAt }) => [
      element('span', { class: 'alarm' }, ['ALARM']),
      element('span', { class: 'subject' }, [subject]),
      element('span', {}, [
        message,
        element('span', { class: 'hint' }, [
          count > 1 && `${count} times, `,
          'last ',
          ago(lastAt),
          ', first ',
          ago(since),
        ]),
        hint && element('span', { class: 'hint' }, [`→ ${hint}`]),
      ]),
    ]),
  ]
}
