import { hostPrefixLength } from '../model/address.ts'
import type { Answers } from './answers.ts'
import type { Survey } from './survey.ts'
import type { Trace } from './trace.ts'

/** What the user has to do, or to know, beside the configuration: nothing of it is done for him. */

/** A line that somebody has to look at, once rs-agent does what it did. */
export interface LineAdvice {
  /** `/etc/rc.local:7`. */
  at: string
  text: string
  meaning: string
  /** Null where the line may stay. */
  todo: string | null
}

export function adviseOnLines({ traces }: Survey, answers: Answers): LineAdvice[] {
  return traces.map(trace => ({
    at: `/${trace.path}:${trace.line}`,
    // What a file has for terminals is not for this one.
    text: trace.text.replace(/\p{Cc}/gu, ' '),
    ...adviceOn(trace, answers),
  }))
}

function adviceOn({ path, means }: Trace, { role, vips }: Answers): Pick<LineAdvice, 'meaning' | 'todo'> {
  switch (means.kind) {
    case 'binds-vip':
    case 'routes-vip': {
      const isOurs = vips.some(({ address }) => address === means.vip)
      const verb = means.kind === 'binds-vip' ? 'binds' : 'routes'
      if (!isOurs) return { meaning: `${verb} ${means.vip}, which is not in the configuration`, todo: null }
      return {
        meaning: `${verb} ${means.vip}, whether this host is silent or not`,
        todo:
          role === 'real-server'
            ? 'take it out once `rs-agent service install` has the VIP bound at boot'
            : 'take it out: a director has the VIP on its NIC',
      }
    }
    case 'silences':
      return { meaning: 'does a part of what rs-agent does to keep this host silent', todo: null }
    case 'makes-loud':
      return {
        meaning: 'has this host answer ARP for the VIPs, or announce them, when it is run',
        todo: 'take it out before the next boot, and do not run it',
      }
    case 'drives-ipvs':
      return {
        meaning: `has ${means.tool} fill the table of virtual services`,
        todo: `\`rs-agent director import /${path}\` writes a configuration from it; stop ${means.tool} before \`rs-agent director apply\``,
      }
    default:
      return means satisfies never
  }
}

/** Sentences on the host as it is now. */
export function adviseOnHost(survey: Survey, answers: Answers): string[] {
  const unread = survey.unread.map(what => `not looked into: ${what}`)
  return [...adviseOnRole(survey, answers), ...unread]
}

function adviseOnRole({ bound, audible, nics }: Survey, answers: Answers): string[] {
  const isVip = (address: string): boolean => answers.vips.some(vip => vip.address === address)
  if (answers.role === 'director')
    return [
      ...(nics.some(({ name }) => name === answers.interface)
        ? []
        : [`there is no NIC ${answers.interface} on this host now`]),
      ...bound
        .filter(({ address }) => isVip(address))
        .map(({ address }) => `${address} is bound to lo, as on a real server: a director has it on its NIC`),
    ]
  const adopted = bound.filter(({ address }) => isVip(address))
  const left = bound.filter(({ address }) => !isVip(address))
  const onNics = nics.flatMap(({ name, addresses }) =>
    addresses.filter(({ address }) => isVip(address)).map(({ address }) => `${address} on ${name}`),
  )
  return [
    ...adopted.map(({ address, prefixLength, label }) =>
      prefixLength === hostPrefixLength(address)
        ? `${address}/${prefixLength} is bound to ${label ?? 'lo'} already: apply takes it over as it is, without a moment in which it is not bound`
        : `${address}/${prefixLength} is bound to ${label ?? 'lo'} already: apply binds it with its right prefix before it takes that one away`,
    ),
    ...(adopted.length > 0 && audible !== null
      ? [`this host is not silent: ${audible}; apply silences it before anything else`]
      : []),
    ...onNics.map(
      what =>
        `${what} answers ARP whatever the sysctls say: apply takes it off and binds it to lo, or refuses where it is this host's own address`,
    ),
    ...left.map(({ address }) => `${address} is bound to lo too, and is left alone`),
    ...(answers.directors.length === 0
      ? ['no director is named: `rs-agent verify` cannot tell one from a host that steals the VIP']
      : []),
    ...(answers.vips.some(({ ports }) => ports.length === 0)
      ? ['a VIP has no ports: `rs-agent verify` knocks nowhere until it has']
      : []),
  ]
}
