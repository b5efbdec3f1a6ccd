import { expect, it } from 'vitest'
import { Namespace } from '../support/namespace.ts'
import { agentOn, done, useSegment, VIP, verify } from '../support/real-server.ts'

/** ARP that passes the NIC while the proof is made, and proves nothing about this host's answers. */
const network = useSegment()

it('does not take the questions of a deaf host for answers', async () => {
  const host = await network.bootHost()
  const agent = agentOn(host)
  await done(agent, 'apply')
  await host.namespace.writeSysctl('ipv4/conf/all/arp_ignore', 8)
  // Datagrams to neighbours that nobody has: each makes the host ask, in the name of its own address.
  const asking = host.spawn(process.execPath, [
    '-e',
    `const socket = require('node:dgram').createSocket('udp4'); let n = 0
     setInterval(() => socket.send('x', 9, '10.10.10.' + (100 + (++n % 150)), () => {}), 5)`,
  ])
  await expect.poll(() => host.run('ip', ['neigh', 'show', 'dev', 'eth0'])).toMatch(/INCOMPLETE|FAILED/)
  for (let round = 0; round < 5; round++) {
    const { exitCode, checks } = await verify(agent)
    expect(checks.find(({ id }) => id === 'arp-silence')).toMatchObject({ verdict: 'unknown' })
    expect(exitCode).toBe(3)
  }
  asking.kill('SIGKILL')
})

it('does not blame a host for the answers of a container that owns the VIP by a macvlan of its NIC', async () => {
  const host = await network.bootHost()
  await using container = await Namespace.open()
  await host.addMacvlan('mv0', 'eth0')
  await host.namespace.ip(`link set mv0 netns ${container.pid}`)
  await container.ip('link set lo up', `addr add ${VIP}/24 dev mv0`, 'link set mv0 up')
  const agent = agentOn(host)
  await done(agent, 'apply')
  for (let round = 0; round < 3; round++)
    expect(await verify(agent)).toMatchObject({ exitCode: 0, verdict: 'pass' })
})
