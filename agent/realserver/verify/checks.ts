import type { Interest } from '../../reconcile/found.ts'
import { checkArpAnnounce } from './arp-announce.ts'
import { checkArpSilence } from './arp-silence.ts'
import { checkBootPersistence } from './boot-persistence.ts'
import type { Check, CheckId } from './check.ts'
import { checkDatapath } from './datapath.ts'
import { HOST_SCOPE_PATHS } from './host-scope.ts'
import { checkNdpSilence } from './ndp-silence.ts'
import { checkNfsMounted } from './nfs-mounted.ts'
import { checkPackages } from './packages.ts'
import { checkPageFromShare } from './page-from-share.ts'
import { checkProxyArp, proxyArpPaths } from './proxy-arp.ts'
import { checkRpFilter, rpFilterPaths } from './rp-filter.ts'
import { checkServiceAnswers } from './service-answers.ts'
import { STATIC_CHECKS } from './static-checks.ts'
import { checkVipOwner } from './vip-owner.ts'

/** Proofs that the host keeps quiet; their questions never reach the wire. A change is undone when one fails. */
export const SILENCE_CHECKS = {
  'arp-silence': checkArpSilence,
  'ndp-silence': checkNdpSilence,
} satisfies Partial<Record<CheckId, Check>>

/** Of the half that serves pages: this host asks itself. */
export const SERVING_CHECKS = {
  'nfs-mounted': (host, wanted) => checkNfsMounted(host, wanted),
  'service-answers': async (host, wanted) =>
    (await Promise.all([checkServiceAnswers(host, wanted), checkPageFromShare(host, wanted)])).flat(),
  packages: checkPackages,
} satisfies Partial<Record<CheckId, Check>>

/** Every check. */
export const CHECKS = {
  ...STATIC_CHECKS,
  ...SILENCE_CHECKS,
  'arp-announce': checkArpAnnounce,
  'proxy-arp': checkProxyArp,
  'rp-filter': checkRpFilter,
  'vip-owner': checkVipOwner,
  datapath: checkDatapath,
  ...SERVING_CHECKS,
  'boot-persistence': checkBootPersistence,
} satisfies Record<CheckId, Check>

/**
 * Checks that put frames on the wire: a question to the segment, an answer to a client that nobody is, the answer
 * for the NIC's own address that a proof of silence needs, and, of a host that is loud, the one for the VIP.
 */
export const CHECKS_ON_THE_WIRE: ReadonlySet<CheckId> = new Set([
  'arp-silence',
  'ndp-silence',
  'vip-owner',
  'datapath',
])

/** What the checks want to see of the host beside what a plan does. */
export function interestOfChecks(interest: Interest): Interest {
  return {
    ...interest,
    sysctls: links => [
      ...new Set([
        ...interest.sysctls(links),
        ...HOST_SCOPE_PATHS,
        ...proxyArpPaths(links),
        ...rpFilterPaths(links),
      ]),
    ],
  }
}
