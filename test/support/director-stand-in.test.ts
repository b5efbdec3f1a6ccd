import { expect, test } from 'vitest'
import { DirectorStandIn } from './director-stand-in.ts'
import { trafficDuring } from './nic-traffic.ts'
import { Segment } from './segment.ts'
import { request } from './web-client.ts'
import { largePageBytes, startWebServer } from './web-server.ts'

const vip = '10.10.10.100'

test('brings a client to the chosen real server, which answers it from the VIP past the director', async () => {
  await using segment = await Segment.build()
  const client = await segment.addHost('client', '10.10.10.10/24')
  const director = await segment.addHost('director', '10.10.10.11/24')
  const rs1 = await segment.addHost('rs1', '10.10.10.12/24')
  const rs2 = await segment.addHost('rs2', '10.10.10.13/24')
  const standIn = await DirectorStandIn.start(director, { vip, port: 80 })
  for (const realServer of [rs1, rs2]) {
    await realServer.run('sh', [commonScript, 'start'], { env: { VIP: vip } })
    await startWebServer(realServer)
  }

  for (const realServer of [rs1, rs2, rs1]) {
    await standIn.forwardTo(realServer)
    expect(await request(client, `http://${vip}/`)).toEqual({
      status: 200,
      from: vip,
      body: `${realServer.name}\n`,
    })
    const seen = await trafficDuring(director, () => request(client, `http://${vip}/large`))
    expect(seen.receivedBytes).toBeGreaterThan(0)
    expect(seen.receivedBytes).toBeLessThan(largePageBytes / 10)
  }
})

const commonScript = new URL('./common-script.sh', import.meta.url).pathname
