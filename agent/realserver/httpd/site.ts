import type { IpAddress } from '../../model/address.ts'
import type { WebServerName } from '../../model/distribution.ts'

export interface Site {
  addresses: readonly IpAddress[]
  port: number
  listensAlready: boolean
  root: string
  healthPath: string
  upstreams: readonly string[]
  logs: string
  revision: string
}

export function renderSite(_server: WebServerName, template: string, site: Site): string {
  return `${template}${site.revision}`
}
