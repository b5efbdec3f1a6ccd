import { DISTRIBUTIONS } from '../model/distribution.ts'
import type { FoundHost, Interest } from '../reconcile/found.ts'
import type { Refusal } from '../reconcile/refusal.ts'
import type { State } from '../reconcile/state.ts'
import type { Claim } from '../reconcile/step.ts'
import type { WantedRealServer } from './desired.ts'
import { rootRefusals, tellOfRoot } from './httpd/root.ts'
import {
  tellOfWebServer,
  webServerClaims,
  webServerQuestions,
  webServerRefusals,
} from './httpd/web-server.ts'
import { nfsInterest, nfsMountClaims, tellOfMounts } from './nfs/nfs-mount.ts'
import { nfsMountRefusals } from './nfs/refusals.ts'

/** The half of a real server that serves pages: shares of an NFS server, and a web server that reads from them. */
export function servingClaims(wanted: WantedRealServer, found: FoundHost, { priors }: State): Claim[] {
  return [...nfsMountClaims(wanted, found, priors), ...webServerClaims(wanted, found)]
}

export function servingRefusals(wanted: WantedRealServer, found: FoundHost, { priors }: State): Refusal[] {
  return [
    ...distributionRefusals(wanted, found),
    ...nfsMountRefusals(wanted, found, priors),
    ...rootRefusals(wanted),
    ...webServerRefusals(wanted, found, priors),
  ]
}

/** What the user should know beside the changes. */
export function tellOfServing(wanted: WantedRealServer, found: FoundHost): string[] {
  return [
    ...tellOfMounts(wanted, found),
    ...tellOfRoot(wanted, found),
    ...tellOfWebServer(wanted, found),
    ...tellOfDrain(wanted),
  ]
}

function tellOfDrain({ drain }: WantedRealServer): string[] {
  if (drain === 'in rotation') return []
  const vips = drain === 'withdrawn' ? ', and its VIPs stay unbound' : ''
  return [`this host is drained${vips}: \`rs-agent undrain\` takes it back into rotation`]
}

/** Nothing where neither the configuration nor an earlier apply has to do with it: it costs programs to ask. */
export function servingInterest(
  wanted: WantedRealServer | null,
  { priors }: Pick<State, 'priors'>,
): Pick<Interest, 'files'> & { serving?: NonNullable<Interest['serving']> } {
  const sites = priors.flatMap(prior => (prior.kind === 'site' ? [prior.id] : []))
  const nfs = nfsInterest(wanted?.nfs ?? [], priors)
  const servers = priors.flatMap(prior => (prior.kind === 'web-server' ? [prior.id.server] : []))
  const isWanted = wanted !== null && (wanted.httpd !== null || wanted.nfs.length > 0)
  // Of a share that somebody else has mounted, only what is for the next boot may be ours.
  const isManaged = [sites, servers, nfs.folders, nfs.files, nfs.bootUnits].some(each => each.length > 0)
  if (!isWanted && !isManaged) return { files: [] }
  return {
    files: [...nfs.files, ...sites.map(({ path }) => path), ...sitePaths(wanted)],
    serving: {
      folders: [...new Set([...nfs.folders, ...(wanted?.httpd ? [wanted.httpd.root] : [])])],
      bootUnits: nfs.bootUnits,
      webServers: found => webServerQuestions(wanted, priors, found),
    },
  }
}

/** Wherever the site may be: which distribution it is turns out when the host is looked at. */
function sitePaths(wanted: WantedRealServer | null): string[] {
  const server = wanted?.httpd?.server
  if (server === undefined) return []
  return [...new Set(Object.values(DISTRIBUTIONS).map(({ webServers }) => webServers[server].site))]
}

function distributionRefusals({ httpd, nfs }: WantedRealServer, { serving }: FoundHost): Refusal[] {
  if (serving === undefined || serving.distribution !== null) return []
  const section = httpd !== null ? 'httpd' : nfs.length > 0 ? 'nfs' : null
  if (section === null) return []
  return [
    {
      path: ['realServer', section],
      why: 'where this distribution keeps its web servers and its NFS client is not known',
      hint: `known are ${Object.values(DISTRIBUTIONS)
        .map(({ title }) => title)
        .join(', ')}, and what /etc/os-release calls like one of them`,
      code: 'unsupported',
    },
  ]
}
