import { withPort } from '../model/address.ts'
import type { Answers, VipAnswer } from './answers.ts'

/** The configuration as a person would write it, with what else it may say as comments. */
export function renderConfiguration(answers: Answers): string {
  return `${HEAD}\n${answers.role === 'real-server' ? realServerText(answers) : directorText(answers)}`
}

const HEAD = `# Configuration of rs-agent, written by \`rs-agent init\` and yours from here on: \`man rs-agent.yaml\` has every key.
# After a change: \`rs-agent plan\` prints what it means for this host, \`rs-agent apply\` makes it so.
`

function realServerText({ vips, directors }: Answers & { role: 'real-server' }): string {
  const directorLines =
    directors.length > 0 ? `  directors: [${directors.map(word).join(', ')}]` : '  # directors: [10.10.10.11]'
  return `realServer:
  # The addresses of the site: this host owns them, hidden on lo, and never answers ARP for them. The ports are what
  # clients reach there: \`rs-agent verify\` knocks at them.
  vips:
${vips.map(({ address, ports }) => `    - { address: ${word(address)}, ports: [${ports.join(', ')}] }`).join('\n')}

  # The only hosts that may answer for the VIPs.
${directorLines}

  # The NICs that face the segment of the VIPs: auto means every one with an address of its own, or [eth0].
  interfaces: auto

  # The other real servers, so that a check can call them by name.
  # siblings: [10.10.10.13]

  # The pages: a web server, and shares that it serves.
  # httpd: { server: apache, port: 80, root: /var/www/html, healthPath: / }
  # nfs:
  #   - { source: "10.10.10.40:/srv/www", target: /var/www/html }
`
}

function directorText({ vips, realServers, interface: nic }: Answers & { role: 'director' }): string {
  return `director:
  # The NIC of the VIPs.
  interface: ${word(nic)}

  # Checks never take out more real servers than this leaves.
  minimumAvailable: 50%

  services:
${vips.flatMap(vip => servicesOf(vip, realServers)).join('\n')}`
}

function servicesOf({ address, ports }: VipAnswer, realServers: readonly string[]): string[] {
  return ports.map(each => {
    const [port = '', protocol] = each.split('/')
    return `    - listen: ${word(`${withPort(address, port)}/${protocol}`)}
      scheduler: wlc
      realServers:
${realServers.map(realServer => `        - { address: ${word(realServer)}, weight: 1 }`).join('\n')}
      # What \`rs-agent director run\` asks of each: this one is the way of a client.
      check: { type: tcp${protocol === 'tcp' ? ', path: vip' : ''} }
      # onFailure: quiesce
      # fallback: 127.0.0.1:80
`
  })
}

/** Plain where YAML reads it as the text that it is, in the middle of a list too; else in its double quotes. */
function word(text: string): string {
  return /^\d+\.\d+\.\d+\.\d+(:\d+\/[a-z]+)?$|^[a-z]{2,}\d[a-z\d]*$/.test(text) ? text : JSON.stringify(text)
}
