import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { CommandResult } from '../../agent/host/commands.ts'
import { filesBelow } from '../../agent/host/files.ts'
import type { InitSystem, UnitState } from '../../agent/host/init-system.ts'
import { readTemplate } from '../../agent/host/templates.ts'
import { type FoundWebServer, webServersOf } from '../../agent/host/web-servers.ts'
import type { IpAddress } from '../../agent/model/address.ts'
import { DISTRIBUTIONS, type WebServerName } from '../../agent/model/distribution.ts'
import { listenDirectivesIn } from '../../agent/model/listen-directives.ts'
import { webServerClaims, webServerRefusals } from '../../agent/realserver/httpd/web-server.ts'
import type { FoundHost } from '../../agent/reconcile/found.ts'
import { plan, tellOfLost } from '../../agent/reconcile/plan.ts'
import type { Prior } from '../../agent/reconcile/step.ts'
import { wantedRealServerOf } from '../support/wanted-real-server.ts'

const VIP = '10.10.10.100' as IpAddress
const EVERYWHERE = { address: null, port: 80 }
const LOOPBACK = { address: '127.0.0.1', port: 80 }
const commands = { run: async () => null }

function wantedOf(server: WebServerName) {
  const httpd = { server, port: 80, root: '/srv/www', healthPath: '/', proxy: [] }
  const { templates } = wantedRealServerOf({ vips: [VIP] })
  const site = readTemplate(`httpd/${server}.conf`)
  return wantedRealServerOf({ vips: [VIP], httpd, templates: { ...templates, site } })
}

/** A Debian host with the web server as it is. */
function hostWith(server: WebServerName, present: Partial<FoundWebServer>): FoundHost {
  const found = {
    enabled: true,
    running: true,
    site: null,
    listens: [],
    portTakenBy: [],
    isMasked: false,
    isThere: true,
    ...present,
  }
  return {
    links: [],
    addresses: [],
    routes: [],
    sysctls: {},
    files: {},
    serving: {
      mounts: [],
      folders: {},
      bootUnits: [],
      fstabLines: {},
      webServers: { [server]: found },
      distribution: DISTRIBUTIONS.debian,
      init: 'systemd',
    },
  }
}

describe('where a web server listens', () => {
  it('is every address where none is named, and one where it is', () => {
    const text = `
      Listen 80
      Listen *:81
      Listen 0.0.0.0:82 https
      listen [::]:83 default_server;
      Listen 127.0.0.1:84
      server { listen [::1]:85; }
      # Listen 86
      listen unix:/run/nginx.sock;`
    expect(listenDirectivesIn(text)).toEqual([
      ...[80, 81, 82, 83].map(port => ({ address: null, port })),
      { address: '127.0.0.1', port: 84 },
      { address: '[::1]', port: 85 },
    ])
  })

  it('is known to be nowhere of one that is installed, and not known of one that is not', async () => {
    const root = mkdtempSync(join(tmpdir(), 'rs-agent-web-server-'))
    const write = (path: string, text: string) => {
      mkdirSync(dirname(join(root, path)), { recursive: true })
      writeFileSync(join(root, path), text)
    }
    const place = DISTRIBUTIONS.debian.webServers.nginx
    const servers = webServersOf({ files: filesBelow(root), commands, initSystem: null })
    const listens = async () =>
      (await servers.find(place, { server: 'nginx', addresses: [], port: 80 })).listens
    try {
      write('etc/nginx/conf.d/of-another-package.conf', 'listen 8080;\n')
      expect(await listens()).toBeNull()
      write('etc/nginx/nginx.conf', 'http { include /etc/nginx/conf.d/*.conf; }\n')
      write(place.site, 'listen 80;\n')
      expect(await listens()).toEqual([{ address: null, port: 8080 }])
    } finally {
      rmSync(root, { recursive: true })
    }
  })

  it.for([
    ['nowhere, as its default site was taken away', [], 'here'],
    ['on one other address alone', [LOOPBACK], 'here'],
    ['on every address', [EVERYWHERE], 'elsewhere'],
    ['as its package will bring it', null, 'elsewhere'],
  ] as const)('is %s: our site listens by itself only where it must', ([, listens, where]) => {
    const found = hostWith('nginx', { listens: listens === null ? null : [...listens] })
    const site = webServerClaims(wantedOf('nginx'), found).find(({ wanted }) => wanted.kind === 'site')
    const directive = 'listen "80";'
    const content =
      where === 'here' ? expect.stringContaining(directive) : expect.not.stringContaining(directive)
    expect(site?.wanted.value).toMatchObject({ content })
  })

  it.for([
    ['apache', { running: true }, 1],
    ['apache', { running: false }, 1],
    ['apache', { listens: [LOOPBACK, EVERYWHERE] }, 0],
    ['apache', { listens: [{ ...LOOPBACK, port: 8080 }] }, 0],
    ['nginx', { running: true }, 1],
    ['nginx', { running: false }, 0],
    ['nginx', { site: { revision: '0123456789ab', address: VIP, port: 80 } }, 0],
  ] as const)(
    'on one address alone keeps %s %o from every address: %i refusal',
    ([server, present, count]) => {
      const found = hostWith(server, { listens: [LOOPBACK], ...present } as Partial<FoundWebServer>)
      const refusals = webServerRefusals(wantedOf(server), found, [])
      expect(refusals.map(({ why }) => why)).toEqual(
        Array(count).fill(expect.stringContaining(`${server} is told to listen on 127.0.0.1:80`)),
      )
    },
  )
})

/** A service starter that does what it is told, and whose units are like this afterwards. */
function starterWith(state: UnitState | null): InitSystem {
  const done = async () => undefined
  const states = async (names: readonly string[]) => names.map(() => state)
  return {
    automounts: true,
    states,
    enable: done,
    disable: done,
    start: done,
    stop: done,
    reload: done,
    readFilesAgain: done,
  }
}

const place = DISTRIBUTIONS.debian.webServers.apache
const ENDED = { enabled: true, active: false, masked: false }

async function listening() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, port: (server.address() as AddressInfo).port }
}

describe('a web server that is to change', () => {
  const running = { enabled: true, running: true }
  const site = (port: number) => ({ revision: '0123456789ab', address: '127.0.0.1' as IpAddress, port })

  /** A host whose programs end so, and what was done on it. */
  function servers(test: Partial<CommandResult>, state: UnitState = ENDED) {
    const done: string[] = []
    const ended = { exitStatus: 0, stdout: '', stderr: '', isOverdue: false, ...test }
    const initSystem: InitSystem = {
      ...starterWith(state),
      enable: async name => void done.push(`enable ${name}`),
      start: async name => void done.push(`start ${name}`),
      reload: async name => void done.push(`reload ${name}`),
    }
    const run = async (program: string) => {
      done.push(program)
      return ended
    }
    return { done, ...webServersOf({ files: filesBelow('/'), commands: { run }, initSystem }) }
  }

  it.for([
    [
      'refuses',
      { exitStatus: 1, stderr: 'theirs.conf:3: oops' },
      /refuses the configuration: theirs\.conf:3/,
    ],
    ['does not end', { exitStatus: null, isOverdue: true }, /^apache2ctl -t did not end within 30 s$/],
  ] as const)(
    'is told nothing where its own test %s: a killed run may have left a file unjudged',
    async ([, ended, why]) => {
      for (const isRunning of [true, false]) {
        const { done, change } = servers(ended)
        const before = { enabled: false, running: isRunning, site: null }
        await expect(change(place, before, { ...running, site: site(1) })).rejects.toThrow(why)
        expect(done).toEqual(['apache2ctl'])
      }
    },
  )

  it('is not tested when it has nothing to read', async () => {
    const { done, change } = servers({ exitStatus: 1 })
    await change(place, { enabled: false, running: true, site: null }, { ...running, site: null }).catch(
      () => undefined,
    )
    expect(done).toEqual(['enable apache2.service'])
  })

  it.for(['takes a site', 'loses it'] as const)('is not waited for once it has ended: %s', async what => {
    const { server, port } = await listening()
    server.close()
    await once(server, 'close')
    const { change } = servers({})
    const [without, withSite] = [
      { ...running, site: null },
      { ...running, site: site(port) },
    ]
    const [before, after] = what === 'takes a site' ? [without, withSite] : [withSite, without]
    await expect(change(place, before, after)).rejects.toThrow(/^apache2\.service ended /)
  })

  it('is told from others at its port by the name of its own processes, while it runs', async () => {
    const { server, port } = await listening()
    const root = mkdtempSync(join(tmpdir(), 'rs-agent-web-server-'))
    mkdirSync(dirname(join(root, place.pidFile)), { recursive: true })
    const initSystem = starterWith({ ...ENDED, active: true })
    const servers = webServersOf({ files: filesBelow(root), commands, initSystem })
    const takenBy = async (pid: number) => {
      writeFileSync(join(root, place.pidFile), `${pid}\n`)
      return (await servers.find(place, { server: 'apache', addresses: [], port })).portTakenBy
    }
    try {
      expect(await takenBy(process.pid)).toEqual([])
      expect(await takenBy(1)).toMatchObject([{ address: '127.0.0.1', process: { pid: process.pid } }])
    } finally {
      rmSync(root, { recursive: true })
      server.close()
    }
  })
})

describe('a web server that was uninstalled since the first apply', () => {
  const prior: Prior = {
    resource: 'httpd',
    onRemove: 'put-back',
    kind: 'web-server',
    id: { server: 'nginx' },
    value: { enabled: true, running: true, site: null },
  }
  const gone = { enabled: false, running: false, listens: null }

  it.for([
    ['is not brought back, which is told', { ...gone, isThere: false }, []],
    ['is brought back when it is there again', gone, ['resume']],
  ] as const)('%s', ([, present, phases]) => {
    const found = hostWith('nginx', present)
    expect(plan([], [prior], found, { needs: [], priors: [] }).map(({ phase }) => phase)).toEqual(phases)
    const told = phases.length === 0 ? [expect.stringMatching(/nginx.* it is not installed any more$/)] : []
    expect(tellOfLost([prior], found)).toEqual(told)
  })

  it.for([
    ['a unit', starterWith(ENDED), true],
    ['no unit', starterWith(null), false],
    ['neither a service starter nor its program', null, false],
  ] as const)('is seen by this: %s', async ([, initSystem, isThere]) => {
    const root = mkdtempSync(join(tmpdir(), 'rs-agent-web-server-'))
    const servers = webServersOf({ files: filesBelow(root), commands, initSystem })
    try {
      const found = await servers.find(place, { server: 'apache', addresses: [], port: 80 })
      expect(found.isThere).toBe(isThere)
    } finally {
      rmSync(root, { recursive: true })
    }
  })
})
