import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import type { Row, Site } from '../../support/fault-row.ts'
import { nft } from '../../support/faults.ts'
import { firstLine } from '../../support/first-line.ts'
import type { Host } from '../../support/host.ts'
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
  const netns = await openContainer(server)
  await server.namespace.writeSysctl('ipv4/conf/all/forwarding', 1)
  await server.namespace.ip(
    'link add name docker0 type bridge',
    'addr add 172.17.0.1/16 dev docker0',
    'link set docker0 up',
    'link add name veth0 type veth peer name eth0-inside',
    'link set veth0 master docker0 up',
  )
  const enter = ['nsenter', `--net=${netns}`, '--']
  await server.namespace.ip(`link set eth0-inside netns ${netns}`)
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

/** A network namespace that ends with the host: the path of it, once it is there. */
async function openContainer(server: Host): Promise<string> {
  const inside = server.spawn('unshare', ['--net', 'sh', '-c', 'echo ready && exec sleep infinity'])
  await firstLine(inside)
  return `/proc/${inside.pid}/ns/net`
}

/** A container with a NIC of its own on the segment. */
function addMacvlanContainer(address: string): NonNullable<Row['fault']> {
  return async ({ server }) => {
    const netns = await openContainer(server)
    await server.namespace.ip(
      `link add link eth0 name mv0 address 02:00:00:00:77:01 netns ${netns} type macvlan mode bridge`,
    )
    await server.run('nsenter', [`--net=${netns}`, '--', 'ip', '-batch', '-'], {
      input: `link set lo up\naddr add ${address} dev mv0\nlink set mv0 up\n`,
    })
  }
}

/** Services that are elsewhere than on the host. */
export const containerRows: Row[] = [
  {
    name: 'a container on a macvlan of the NIC has an address of its own',
    fault: addMacvlanContainer('10.10.10.78/24'),
    verify: {},
  },
  {
    // It never hears what its host sends, and the whole segment hears it.
    name: 'a container on a macvlan of the NIC has the VIP',
    fault: addMacvlanContainer(`${vip}/24`),
    spoilsNeighbours: true,
    verify: { fail: { 'vip-owner': /02:00:00:00:77:01, a guest of this host/ } },
  },
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
