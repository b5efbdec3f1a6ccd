import type { Host } from './host.ts'

export interface NicTraffic {
  receivedBytes: number
  sentBytes: number
}

/** What passed a NIC since it was made. */
export async function nicTraffic(host: Host, nic = 'eth0'): Promise<NicTraffic> {
  const [link] = JSON.parse(await host.run('ip', ['-j', '-s', 'link', 'show', nic]))
  return { receivedBytes: link.stats64.rx.bytes, sentBytes: link.stats64.tx.bytes }
}

/** How many packets a NIC has sent since it was made. */
export async function sentPackets(host: Host, nic = 'eth0'): Promise<number> {
  const [link] = JSON.parse(await host.run('ip', ['-j', '-s', 'link', 'show', nic]))
  return link.stats64.tx.packets
}

/** What passed a NIC while `task` ran. */
export async function trafficDuring(host: Host, task: () => Promise<unknown>): Promise<NicTraffic> {
  const before = await nicTraffic(host)
  await task()
  const after = await nicTraffic(host)
  return {
    receivedBytes: after.receivedBytes - before.receivedBytes,
    sentBytes: after.sentBytes - before.sentBytes,
  }
}
