/** What keeps this host a real server: VIPs, NICs, checks, repairs, and what happened. */
import { ago, element, mark, milliseconds, rows, SIGNS, title, verdict } from './parts.js'

const SEVERITY = Object.keys(SIGNS)
const LATEST_HAPPENINGS = 50

export function vips({ vips, withdrawn, unsettled }) {
  const doubt = unsettled === null ? '' : `not known to be so now: ${unsettled}`
  return [
    title('vips', 'VIPs', withdrawn === null ? doubt : `withdrawn: ${withdrawn}`),
    rows(vips, ({ address, bound, evidence }) => [
      verdict(bound ? 'pass' : 'fail', bound ? 'bound' : 'not bound'),
      element('span', { class: 'subject' }, [address]),
      element('span', { class: 'text' }, [evidence]),
    ]),
  ]
}

export function nics({ nics }) {
  return [
    title('nics', 'NICs', 'silent when ARP asks for a VIP'),
    rows(nics, ({ name, silent, evidence }) => [
      verdict(silent ? 'pass' : 'fail', silent ? 'silent' : 'AUDIBLE'),
      element('span', { class: 'subject' }, [name]),
      element('span', { class: 'text' }, [evidence]),
    ]),
  ]
}

export function checks({ checks, checkedAt }) {
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

export function repairs({ repairs }) {
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
            element('span', { class: 'hint' }, [`Undone ${count} times: tried again `, ago(heldBackUntil)]),
          suspects.length > 0 &&
            element('span', { class: 'hint' }, [`Who may be doing it: ${suspects.join(', ')}`]),
        ]),
      ],
    ),
  ]
}

export function history({ history }) {
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
