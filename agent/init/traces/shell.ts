import { sysctlMeaning, type Trace, type TraceMeaning, tracesOf, vipIn } from '../trace.ts'

/** Commands of a script, rc.local or an init script, that bind a VIP to lo and silence it. */
export function shellTraces(text: string, path: string): Trace[] {
  const variables = new Map<string, string>()
  return tracesOf(text, path, line => {
    const command = expand(withoutComment(line), variables)
    const [, name, value = ''] =
      /^\s*(?:export\s+|readonly\s+)?(\w+)=["']?([^"'\s;]*)["']?\s*;?\s*$/.exec(command) ?? []
    if (name !== undefined) variables.set(name, value)
    return commandMeanings(command)
  })
}

/** Several may stand on one line. */
export function commandMeanings(command: string): TraceMeaning[] {
  return command.split(/;|&&|\|\|/).flatMap(each => {
    const bound = addressOf(each, BINDS)
    if (bound !== null) return [{ kind: 'binds-vip', vip: bound }]
    const routed = addressOf(each, ROUTES)
    if (routed !== null) return [{ kind: 'routes-vip', vip: routed }]
    return SETS.flatMap(pattern =>
      [...each.matchAll(pattern)].flatMap(({ groups }) => {
        const meaning = sysctlMeaning(groups?.key ?? '', groups?.value ?? '')
        return meaning === null ? [] : [meaning]
      }),
    )
  })
}

const BINDS = [
  /\bip\s+(?:-\S+\s+)*a(?:ddr(?:ess)?)?\s+(?:add|replace)\s+(?<address>\S+)\s.*?\bdev\s+lo\b/,
  /\bip\s+(?:-\S+\s+)*a(?:ddr(?:ess)?)?\s+(?:add|replace)\s+dev\s+lo\s+(?:\S+\s+\S+\s+)*?(?<address>[\da-fA-F]\S*)/,
  /\bifconfig\s+lo(?::\S+)?\s+(?:inet6?\s+)?(?:add\s+)?(?<address>\S+)/,
]
const ROUTES = [
  /\bip\s+(?:-\S+\s+)*r(?:oute)?\s+(?:add|replace)\s+(?<address>\S+)\s.*?\bdev\s+lo\b/,
  /\broute\s+add\s+-host\s+(?<address>\S+)\s.*?\bdev\s+lo(?::\S+)?\b/,
]
const SETS = [
  /\becho\s+["']?(?<value>\d+)["']?\s*>\s*["']?(?<key>\S+?)["']?(?=\s|$)/g,
  /(?<key>\bnet[./]ipv4[./]conf[./]\S+?[./]arp_(?:ignore|announce))\s*=\s*["']?(?<value>\d+)/g,
]

function addressOf(command: string, patterns: readonly RegExp[]) {
  for (const pattern of patterns) {
    const vip = vipIn(pattern.exec(command)?.groups?.address ?? '')
    if (vip !== null) return vip
  }
  return null
}

/** Where it cannot be within quotes: nobody puts a VIP there. */
function withoutComment(line: string): string {
  return line.replace(/(^|\s)#.*$/, '')
}

/** `$VIP`, `${VIP}`, `${VIP:-…}`, as far as the script has set it before. */
function expand(line: string, variables: ReadonlyMap<string, string>): string {
  return line.replace(
    /\$(?:(\w+)|\{(\w+)[^}]*\})/g,
    (written, plain?: string, braced?: string) => variables.get(plain ?? braced ?? '') ?? written,
  )
}
