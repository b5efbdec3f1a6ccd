import type { HostProcess } from '../../host/processes.ts'
import type { Change } from '../../reconcile/setting.ts'

/** Who on a host changes addresses, routes and sysctls by himself. Pure. */

/** `network`: addresses and routes; `sysctl`: parameters of the kernel; `file`: what others write as well. */
export type Domain = 'network' | 'sysctl' | 'file'

/** What a repair is about; null for what none of these programs touches, such as a unit. */
export function domainOf({ kind }: Pick<Change, 'kind'>): Domain | null {
  if (kind === 'address' || kind === 'route') return 'network'
  if (kind === 'file' || kind === 'site' || kind === 'unit-file') return 'file'
  return kind === 'sysctl' ? 'sysctl' : null
}

/** By the name of the process or its script. The likeliest first: what it is there for is this. */
const TOOLS: Record<Domain, readonly string[]> = {
  network: [
    'NetworkManager',
    'systemd-networkd',
    'cloud-init',
    'keepalived',
    'ucarp',
    'vrrpd',
    'pacemakerd',
    'heartbeat',
    'dhclient',
    'dhcpcd',
    'udhcpc',
    'ifplugd',
    'netplugd',
    'connmand',
    'wickedd',
    'wickedd-nanny',
    'netplan',
    'ifup',
    'ifdown',
    'zebra',
    'bird',
    'calico-node',
    'cilium-agent',
    'flanneld',
    'kube-proxy',
    'dockerd',
    'containerd',
    'libvirtd',
  ],
  sysctl: [
    'tuned',
    'systemd-sysctl',
    'sysctl',
    // With strictARP it sets arp_ignore and arp_announce, without it their opposite.
    'kube-proxy',
    'calico-node',
    'cilium-agent',
    'flanneld',
    'systemd-networkd',
    'NetworkManager',
    'cloud-init',
    'dockerd',
    'containerd',
  ],
  file: ['cloud-init'],
}

/** They set whatever they are told to. */
const CONFIGURATION_TOOLS = [
  'puppet',
  'chef-client',
  'cinc-client',
  'salt-minion',
  'cf-agent',
  'cf-execd',
  'ansible-pull',
  'ansible-playbook',
]

/** They only listen to what becomes of addresses and links. */
const LISTENERS = [
  'systemd',
  'systemd-udevd',
  'systemd-resolved',
  'systemd-logind',
  'systemd-timesyncd',
  'avahi-daemon',
  'chronyd',
  'ntpd',
  'sshd',
  'named',
  'unbound',
  'rpcbind',
  'nginx',
  'rs-agent',
]

/** TASK_COMM_LEN of include/linux/sched.h, without the 0 at its end. */
const NAME_BYTES = 15

/** The tool that a process is; null when it is none that changes such settings. */
export function toolOf(process: HostProcess, domain: Domain): string | null {
  const names = namesOf(process)
  return ranking(domain).find(tool => names.includes(tool.slice(0, NAME_BYTES))) ?? null
}

/** The lower, the likelier. */
export function rankOf(tool: string, domain: Domain): number {
  return ranking(domain).indexOf(tool)
}

function ranking(domain: Domain): readonly string[] {
  return [...TOOLS[domain], ...CONFIGURATION_TOOLS]
}

export function isListener({ name }: HostProcess): boolean {
  return LISTENERS.some(listener => listener.slice(0, NAME_BYTES) === name)
}

/** What they run as it stands behind this option: sh -c, bash -ec, python3 -c, perl -we. */
const INTERPRETERS = [
  { name: /^(?:ba|da|k|z|a)?sh$|^python[\d.]*$/, text: /^-[a-zA-Z]*c$/ },
  { name: /^perl[\d.]*$|^ruby[\d.]*$|^node$/, text: /^-[a-zA-Z]*e$/ },
]

/** What an interpreter runs: a file, or a text of its command line; null for other programs, and for who types. */
export type Script = { file: string } | { text: string }

export function scriptOf({ command }: HostProcess): Script | null {
  const [program = '', ...args] = command
  const interpreter = INTERPRETERS.find(({ name }) => name.test(baseName(program)))
  if (interpreter === undefined) return null
  const firstWord = args.findIndex(arg => !arg.startsWith('-'))
  const word = args[firstWord]
  if (word === undefined) return null
  return args.slice(0, firstWord).some(arg => interpreter.text.test(arg)) ? { text: word } : { file: word }
}

/** What a text has to do with the setting that somebody changes; null when nothing. */
export function mentionIn(text: string, change: Change): string | null {
  if (change.kind === 'sysctl') {
    const name = change.id.path.slice(change.id.path.lastIndexOf('/') + 1)
    if (text.includes(name)) return name
    return /\bsysctl\b|\/proc\/sys\/net\b/.exec(text)?.[0] ?? null
  }
  const own = ownName(change)
  if (own === null) return null
  if (wordOf(own).test(text)) return own
  if (domainOf(change) !== 'network') return null
  const command = /\bip\s+(?:-\S+\s+)*(?:addr?(?:ess)?|route)\b|\bifconfig\b|\b(?:ifup|ifdown)\b/.exec(text)
  return command?.[0] ?? null
}

/** What a script must name to change it. */
function ownName(change: Change): string | null {
  if (change.kind === 'address') return change.id.address
  if (change.kind === 'route') return change.id.destination
  return 'path' in change.id ? change.id.path : null
}

/** Not as a part of another address or path. */
function wordOf(name: string): RegExp {
  return new RegExp(`(?<![\\w.:])${name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}(?![\\w:]|\\.\\w)`)
}

/** The process's own name, the one that it was started by, and of a script the script's, cut as the kernel does. */
function namesOf(process: HostProcess): string[] {
  const script = scriptOf(process)
  const [program = ''] = process.command
  const names = [
    process.name,
    baseName(program),
    ...(script !== null && 'file' in script ? [baseName(script.file)] : []),
  ]
  return names.map(name => name.slice(0, NAME_BYTES))
}

/** `puppet agent: applying configuration`: some write what they do over their command. */
function baseName(path: string): string {
  const [program = ''] = path.split(/[\s:]/)
  return program.slice(program.lastIndexOf('/') + 1)
}
