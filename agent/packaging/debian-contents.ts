import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { systemdWord } from '../model/dialect.ts'
import { renderTemplate } from '../model/template.ts'
import { type DebianPackage, MAINTAINER, type PackedFile } from './debian.ts'
import {
  ADDONS,
  addonFile,
  EXAMPLES,
  examples,
  launcherOf,
  ownFiles,
  PROGRAM_FILE,
  type Program,
} from './program.ts'
import { filesBelow } from './release.ts'

/** What the Debian packages hold, and where. */

export interface Release {
  version: string
  /** Seconds since 1970. */
  madeAt: number
  /** Of us, and of all others whose works are in it. */
  copyright: string
}

const HOME = 'usr/lib/rs-agent'

/** The program and what comes with it; needs a runtime. */
export function agentPackage(program: Program, release: Release): DebianPackage {
  const { version, madeAt } = release
  return {
    version,
    madeAt,
    name: 'rs-agent',
    files: [
      { path: 'usr/bin/rs-agent', content: ownFile('launcher'), executable: true },
      // The program looks for it: agent/host/own-files.ts.
      { path: `${HOME}/launcher`, leadsTo: '../../bin/rs-agent' },
      { path: `${HOME}/rs-agent.js`, content: launcherOf({ cacheFolder: '/var/cache/rs-agent' }) },
      { path: `${HOME}/${PROGRAM_FILE}`, content: program.code },
      ...ADDONS.map(name => ({ path: `${HOME}/${name}`, content: readFileSync(addonFile(name)) })),
      ...ownFiles().map(name => copyOf(`dist/${name}`, `${HOME}/${name}`)),
      ...completions(),
      ...manualPages(),
      ...units(),
      ...examples().map(name =>
        copyOf(`dist/${name}`, name.replace(EXAMPLES, 'usr/share/doc/rs-agent/examples')),
      ),
      overridesOf('rs-agent'),
      { path: 'etc/rs-agent/config.yaml', content: ownFile('config.yaml') },
      ...documents('rs-agent', release),
    ],
    conffiles: ['/etc/rs-agent/config.yaml'],
    compression: 9,
  }
}

/** The runtime, for a host that has none. */
export function runtimePackage(runtime: string, release: Release): DebianPackage {
  const { version, madeAt } = release
  return {
    version,
    madeAt,
    name: 'rs-agent-runtime',
    files: [
      { path: 'usr/lib/rs-agent-runtime/node', content: readFileSync(runtime), executable: true },
      ...documents('rs-agent-runtime', release),
      overridesOf('rs-agent-runtime'),
    ],
    conffiles: [],
    // 9 takes minutes for 108 MB, and saves 6 of 32 MB.
    compression: 1,
  }
}

function ownFile(name: string): string {
  return readFileSync(join('templates/debian/rs-agent', name), 'utf8')
}

function copyOf(from: string, path: string): PackedFile {
  return { path, content: readFileSync(from) }
}

/** What lintian says of it, and why it stays so. */
function overridesOf(name: DebianPackage['name']): PackedFile {
  return copyOf(`templates/debian/${name}/lintian-overrides`, `usr/share/lintian/overrides/${name}`)
}

/** Where each shell looks. */
function completions(): PackedFile[] {
  const places: Record<string, string> = {
    'rs-agent.bash': 'usr/share/bash-completion/completions/rs-agent',
    'rs-agent.zsh': 'usr/share/zsh/vendor-completions/_rs-agent',
    'rs-agent.fish': 'usr/share/fish/vendor_completions.d/rs-agent.fish',
  }
  return filesBelow('dist/completions').flatMap(name => {
    const place = places[name]
    return place === undefined ? [] : [copyOf(`dist/completions/${name}`, place)]
  })
}

function manualPages(): PackedFile[] {
  return filesBelow('dist/man').map(name => {
    const section = name.slice(name.lastIndexOf('.') + 1)
    const path = `usr/share/man/man${section}/${name.replace(/.*\//, '')}.gz`
    return { path, content: gzipSync(readFileSync(`dist/man/${name}`), { level: 9 }) }
  })
}

/**
 * For `systemctl enable --now rs-agent`: for every role, as nobody knows yet which one. `rs-agent service install`
 * writes those of the configured roles to /etc/systemd/system, where they come first.
 */
function units(): PackedFile[] {
  const values = { program: '/usr/bin/rs-agent', arguments: [], director: [{}] }
  return ['rs-agent.service', 'rs-agent-silence.service'].map(name => {
    const text = renderTemplate(readFileSync(`templates/systemd/${name}`, 'utf8'), values, systemdWord)
    const withoutHead = text.slice(text.indexOf('[Unit]'))
    const content = `# Of the package rs-agent. Settings beside it go into \`systemctl edit ${name}\`.\n${withoutHead}`
    return {
      path: `usr/lib/systemd/system/${name}`,
      content: name === 'rs-agent.service' ? `${content}Also=rs-agent-silence.service\n` : content,
    }
  })
}

function documents(name: DebianPackage['name'], { version, madeAt, copyright }: Release): PackedFile[] {
  const folder = `usr/share/doc/${name}`
  const date = new Date(madeAt * 1000).toUTCString().replace('GMT', '+0000')
  const what =
    name === 'rs-agent' ? 'CHANGELOG.md tells what is new.' : `Node.js ${process.versions.node}, stripped.`
  const changes = `${name} (${version}) unstable; urgency=medium

  * ${what}

 -- ${MAINTAINER}  ${date}
`
  return [
    { path: `${folder}/copyright`, content: copyright },
    { path: `${folder}/changelog.gz`, content: gzipSync(changes, { level: 9 }) },
    ...(name === 'rs-agent'
      ? [{ path: `${folder}/CHANGELOG.md.gz`, content: gzipSync(readFileSync('CHANGELOG.md'), { level: 9 }) }]
      : []),
  ]
}
