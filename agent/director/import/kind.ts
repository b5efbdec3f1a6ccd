import type { ImportKind } from './imported.ts'

/** Lines that only files of the kind have. */
const SIGNS: Record<ImportKind, RegExp> = {
  ipvsadm:
    /^\s*(?:ipvsadm\s+)?(?:-[AEDaed]\s|-[CZ]\b|--(?:add|edit|delete)-(?:service|server)\s|--clear\b|--set\s|--st(?:art|op)-daemon\b)/,
  ldirectord:
    /^(?:virtual6?|check(?:timeout|interval|count)|negotiatetimeout|failurecount|fallback6?|quiescent|autoreload|logfile|emailalert\w*|callback|execute|fork|supervised|cleanstop|maintenancedir|readdquiescent)\s*=/,
  keepalived:
    /^\s*(?:virtual_server(?:_group)?\s|(?:global_defs|static_\w+|SSL)\b|vrrp_\w+\b|include[rmwba]?\s|bfd_instance\s|\$\w+\s*=)/,
}

/** By the first line that tells it; null when no line does. */
export function recogniseKind(text: string): ImportKind | null {
  for (const line of text.split('\n'))
    for (const [kind, sign] of Object.entries(SIGNS)) if (sign.test(line)) return kind as ImportKind
  return null
}
