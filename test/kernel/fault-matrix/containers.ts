import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import type { Row, Site } from '../../support/fault-row.ts'
import { nft } from '../../support/faults.ts'
import { IPV4 } from '../../support/neighbourhood.ts'
import { webServerCommand } from '../../support/web-server.ts'

const { vip, client } = IPV4
const container = '172.17.0.2'

/** As Docker publishes a port of a container: by address translation, on the way in and from the host itself. */
const publish = `
  table ip docker {
    chain prerouting {
      type nat hook prerouting priority dstnat
      fib daddr type local tcp dport 80 dnat to ${container}:80
    }
    chain output {
      type nat hook output priority -100
      fib daddr type local tcp dport 80 dnat to ${container}:80
    }
    chain postrouting {
      type nat hook postrouting priority srcnat
      oifname docker0 ip saddr 127.0.0.0/8 masquerade
    }
  }
`

/** Moves the web server into a container behind a bridge of the host; both end with the host. */
async function serveFromContainer(site: Site): Promise<void> {
  const { server, web, neighbourhood } = site
  await web.stop()
  const inside = server.spawn('unshare', ['--net', 'sleep', 'infinity'])
  await server.namespace.writeSysctl('ipv4/conf/all/forwarding', 1)
  await server.namespace.ip(
    'link add name docker0 type bridge',
    'addr add 172.17.0.1/16 dev docker0',
    'link set docker0 up',
    'link add name veth0 type veth peer name eth0-inside',
    'link set veth0 master docker0 up',
  )
  const enter = ['nsenter', `--net=/proc/${inside.pid}/ns/net`, '--']
  // Until the container has a namespace of its own.
  while (
    (await server.run('readlink', [`/proc/${inside.pid}/ns/net`])) ===
    (await server.run('readlink', ['/proc/self/ns/net']))
  )
    await sleep(5)
  await server.namespace.ip(`link set eth0-inside netns ${inside.pid}`)
  const commands = [
    'link set lo up',
    `addr add ${container}/16 dev eth0-inside`,
    'link set eth0-inside up',
    'route add default via 172.17.0.1',
  ]
  await server.run('nsenter', [...enter.slice(1), 'ip', '-batch', '-'], { input: `${commands.join('\n')}\n` })
  await startInside(site, enter)
  await nft(publish)(site)
  // So that the host and the container have resolved each other.
  const page = { vip, url: `http://${vip}/`, from: client, timeoutMs: 20_000 }
  expect(await neighbourhood.witness.requestPage(page, neighbourhood)).toBe('200')
}

async function startInside({ server }: Site, enter: readonly string[]): Promise<void> {
  const [command = '', ...args] = [...enter, ...webServerCommand({ body: 'container\n' })]
  server.spawn(command, args)
  const [, ...nsenter] = enter
  for (;;) {
    const listening = await server.run('nsenter', [...nsenter, 'ss', '-Hltn', 'sport = :80'])
    if (listening !== '') return
    await sleep(20)
  }
}

/** Services that are elsewhere than on the host. */
export const containerRows: Row[] = [
  {
    name: 'a container publishes port 80',
    fault: serveFromContainer,
    verify: {},
  },
  {
    name: 'a container publishes port 80, and has no way back',
    fault: async site => {
      await serveFromContainer(site)
      await site.server.namespace.writeSysctl('ipv4/conf/docker0/forwarding', 0)
    },
    verify: { fail: { datapath: new RegExp(`${vip}|firewall`) } },
    seen: { byClients: 'nothing' },
  },
]
