/** The pool of a director. */
import { ago, bytes, element, MOST_ROWS, mark, milliseconds, short, title } from './parts.js'

const SHADE_OF_STATE = {
  serving: 'pass',
  kept: 'warning',
  fallback: 'warning',
  drained: 'warning',
  resting: 'warning',
  out: 'fail',
}
const SIGN_OF_SHADE = { pass: '✓', warning: '!', fail: '✗' }
const SHADE_OF_HEALTH = { up: 'pass', down: 'fail', unproven: 'unknown' }

const COLUMNS = ['Real server', 'State', 'Weight', 'Check', 'Active', 'Inactive', 'New/s', 'In/s', 'Out/s']

export function pool({ run, services, at }) {
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
  const shade = SHADE_OF_STATE[state]
  const cell = (name, children, kind = '') =>
    element('td', { role: 'cell', 'data-name': name, class: kind }, children)
  const number = (name, value) => cell(name, value === undefined ? [] : [value], 'number')
  return element('tr', { role: 'row' }, [
    element('th', { role: 'rowheader', scope: 'row' }, [realServer]),
    cell('State', [element('span', { class: shade }, [mark(SIGN_OF_SHADE[shade]), state])]),
    number('Weight', table === null ? undefined : String(table.weight)),
    cell(
      'Check',
      health === null
        ? ['no checks']
        : [
            element('span', {}, [
              element('span', { class: SHADE_OF_HEALTH[health] }, [health]),
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
