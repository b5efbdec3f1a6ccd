import { expect, test } from 'vitest'
import { DebianHost } from '../support/debian-host.ts'
import { NfsServer } from '../support/nfs-server.ts'
import { Segment } from '../support/segment.ts'

test('a Debian host mounts the pages of an NFS server and serves them, again after a reboot', async () => {
  await using segment = await Segment.build()
  const client = await segment.addHost('client', '10.10.10.10/24')
  const nfs = await NfsServer.start(await segment.addHost('nfs', '10.10.10.30/24'))
  await nfs.write('index.html', 'a shared page\n')
  await using host = await DebianHost.boot(segment, { name: 'rs1', address: '10.10.10.12/24' })
  await host.install('apache2', 'nfs-common')
  const mount = `${nfs.share} /var/www/html nfs4 ro,vers=4.2,soft,timeo=50 0 0\n`
  await host.run('tee', ['-a', '/etc/fstab'], { input: mount })
  await host.run('mount', ['/var/www/html'])
  const page = () => client.run('curl', ['-sS', '--max-time', '20', `http://${host.address}/`])
  expect(await page()).toBe('a shared page')

  await host.reboot()
  expect(await host.failedUnits()).toEqual([])
  expect(await page()).toBe('a shared page')
})
