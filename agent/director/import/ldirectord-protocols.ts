import type { ServiceKey } from '../../model/ipvs.ts'
import { type Findings, refuse } from './imported.ts'
import type { Section } from './ldirectord-service.ts'

/** ld_port_to_service of ldirectord. */
export const SERVICES: Record<string, number> = {
  ftp: 21,
  smtp: 25,
  dns: 53,
  http: 80,
  pop: 110,
  nntp: 119,
  imap: 143,
  ldap: 389,
  https: 443,
  submission: 587,
  ldaps: 636,
  pops: 995,
  imaps: 993,
  oracle: 1521,
  radius: 1812,
  http_proxy: 3128,
  mysql: 3306,
  sip: 5060,
  pgsql: 5432,
}
const OTHER_SERVICES = ['none', 'simpletcp']

/** The name of what the real servers speak. */
export function serviceNameOf(section: Section, key: ServiceKey, findings: Findings): string {
  const directive = section.get('service')
  if (directive === undefined) {
    if (key.kind === 'firewallMark') return 'none'
    return Object.entries(SERVICES).find(([, port]) => port === key.port)?.[0] ?? 'none'
  }
  const name = /\w+/.exec(directive.value)?.[0] ?? ''
  if (!(name in SERVICES) && !OTHER_SERVICES.includes(name))
    refuse(findings, directive.valueAt, `ldirectord knows no service ${JSON.stringify(name)}`)
  return name
}
