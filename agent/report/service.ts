import type { ServiceChange } from '../service/install.ts'
import type { ServiceState } from '../service/unit-state.ts'
import { printNotes } from './plan.ts'
import type { Terminal } from './terminal.ts'

const NOT_AT_WORK = 1

export function tellServiceChange(
  terminal: Terminal,
  verb: 'install' | 'uninstall',
  { changed, files, notes }: ServiceChange,
  state: ServiceState,
): number {
  if (terminal.json) terminal.document({ changed, files, notes, service: state })
  else {
    const sign = verb === 'install' ? terminal.style('green', '+') : terminal.style('red', '-')
    for (const file of files) terminal.line(`  ${sign} ${file}`)
    printNotes(terminal, notes)
    terminal.line(`rs-agent service ${verb}: ${summaryOf(verb, changed, state)}`)
  }
  return 0
}

function summaryOf(verb: 'install' | 'uninstall', changed: boolean, state: ServiceState): string {
  if (verb === 'uninstall')
    return changed ? 'done, this host stays as it is' : 'nothing to do, it is not installed'
  return `${changed ? 'done' : 'nothing to do'}, ${describeState(state)}`
}

/** 0 for a service that is at work and will be after the next boot. */
export function tellServiceState(terminal: Terminal, state: ServiceState): number {
  const isAtWork = state.installed && state.enabled && state.state === 'active'
  if (terminal.json) terminal.document(state)
  else {
    const text = describeState(state)
    terminal.line(`rs-agent service status: ${terminal.style(isAtWork ? 'green' : 'red', text)}`)
    if (state.says !== '') terminal.line(`  it says: ${state.says}`)
    if (!state.installed) terminal.line('  `rs-agent service install` installs it')
    else if (!isAtWork) terminal.line('  `journalctl -u rs-agent` tells what happened to it')
  }
  return isAtWork ? 0 : NOT_AT_WORK
}

function describeState({ installed, enabled, state, since, mainPid, restarts }: ServiceState): string {
  if (!installed) return 'not installed'
  const details = [
    since === null ? '' : `since ${since}`,
    mainPid === null ? '' : `process ${mainPid}`,
    restarts === 0 ? '' : `started again ${restarts === 1 ? 'once' : `${restarts} times`}`,
    enabled ? 'started at boot' : 'not started at boot',
  ]
  return [state, ...details].filter(text => text !== '').join(', ')
}
