import { AgentError } from '../errors.ts'
import type { IpAddress } from '../model/address.ts'
import {
  type Answers,
  parseDirectors,
  parseNic,
  parseRealServers,
  parseVips,
  type VipAnswer,
} from './answers.ts'
import type { Questions } from './questions.ts'
import { nicNear, type Survey, vipsFound } from './survey.ts'

/** What the options say; undefined for what is to be asked, or found. */
export interface Told {
  role?: 'real-server' | 'director'
  vip?: string
  director?: string
  realServer?: string
  interface?: string
}

/**
 * The answers that the options do not give: from who sits at the terminal, or, with `null`, as this host was found.
 * Throws AgentError `usage` for what can be neither.
 */
export async function completeAnswers(
  told: Told,
  survey: Survey,
  questions: Questions | null,
): Promise<Answers> {
  const role = await chooseRole(told, survey, questions)
  return role === 'real-server'
    ? answersOfRealServer(told, survey, questions)
    : answersOfDirector(told, survey, questions)
}

async function chooseRole(told: Told, survey: Survey, questions: Questions | null): Promise<Answers['role']> {
  if (told.role !== undefined) return told.role
  const likely = likelyRole(told, survey)
  if (questions === null) return likely ?? missing('--role', 'nothing on this host tells what it shall be')
  return questions.ask('Role of this host (real-server or director)', likely ?? 'real-server', answer => {
    const role = (['real-server', 'director'] as const).find(role => role === answer)
    if (role !== undefined) return role
    throw new AgentError('usage', `expected real-server or director, received ${JSON.stringify(answer)}`, '')
  })
}

function likelyRole({ director, realServer }: Told, survey: Survey): Answers['role'] | null {
  if (realServer !== undefined) return 'director'
  if (director !== undefined || vipsFound(survey).length > 0) return 'real-server'
  return survey.traces.some(({ means }) => means.kind === 'drives-ipvs') ? 'director' : null
}

async function answersOfRealServer(
  { vip, director, realServer, interface: nic }: Told,
  survey: Survey,
  questions: Questions | null,
): Promise<Answers> {
  refuseOption('--real-server', realServer, 'director')
  refuseOption('--interface', nic, 'director')
  const found = vipsFound(survey)
  const vips =
    vip !== undefined
      ? parseVips(vip, '--vip')
      : questions === null
        ? found.map(address => ({ address, ports: [] }))
        : await questions.ask(VIPS, proposed(found), answer => parseVips(answer, 'VIPs'))
  if (vips.length === 0) return missing('--vip', 'no VIP is bound to lo, and no file names one')
  if (director !== undefined)
    return { role: 'real-server', vips, directors: parseDirectors(director, '--director') }
  const directors = await questions?.ask('Directors (empty for none yet)', '', answer =>
    answer === '' ? [] : parseDirectors(answer, 'directors'),
  )
  return { role: 'real-server', vips, directors: directors ?? [] }
}

async function answersOfDirector(told: Told, survey: Survey, questions: Questions | null): Promise<Answers> {
  refuseOption('--director', told.director, 'real server')
  const tool = survey.traces.find(({ means }) => means.kind === 'drives-ipvs')
  const hint =
    tool === undefined
      ? 'a director has services of its own: name them'
      : `\`rs-agent director import /${tool.path}\` writes the configuration from what is there`
  const vips = withPorts(
    told.vip !== undefined
      ? parseVips(told.vip, '--vip')
      : ((await questions?.ask(VIPS, null, answer => parseVips(answer, 'VIPs'))) ?? missing('--vip', hint)),
  )
  const realServers =
    told.realServer !== undefined
      ? parseRealServers(told.realServer, '--real-server')
      : ((await questions?.ask('Real servers', null, answer => parseRealServers(answer, 'real servers'))) ??
        missing('--real-server', hint))
  const near = nicNear([...vips.map(({ address }) => address), ...realServers], survey)
  const nic =
    told.interface !== undefined
      ? parseNic(told.interface, '--interface')
      : questions === null
        ? (near ?? missing('--interface', 'no NIC is near the VIPs, and none leads everywhere'))
        : await questions.ask('NIC of the VIPs', near, answer => parseNic(answer, 'NIC'))
  return { role: 'director', vips, realServers, interface: nic }
}

const VIPS = 'VIPs with their ports, such as 10.10.10.100:80/tcp'

function proposed(found: readonly IpAddress[]): string | null {
  return found.length === 0 ? null : found.join(', ')
}

/** A service has a port: without one told it is that of the web. */
function withPorts(vips: VipAnswer[]): VipAnswer[] {
  return vips.map(({ address, ports }) => ({ address, ports: ports.length === 0 ? ['80/tcp'] : ports }))
}

function missing(option: string, why: string): never {
  throw new AgentError(
    'usage',
    `${option} is missing: ${why}`,
    'say it, or run this on a terminal: `rs-agent init --help` shows examples',
  )
}

function refuseOption(option: string, value: string | undefined, role: string): void {
  if (value === undefined) return
  throw new AgentError('usage', `${option} is of a ${role}`, 'leave it out, or choose another --role')
}
