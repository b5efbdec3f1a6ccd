import type { Cluster } from './cluster.ts'
import type { Snapshot } from './snapshot.ts'

/** The kernel state of a director that must be the same before and after. */
export type DirectorState = Snapshot & { directorSysctls: string[]; rules: string[] }

export async function stateOf(cluster: Cluster): Promise<DirectorState> {
  const { host } = cluster.director
  // Some of the IPVS ones can only be written.
  const sysctls = await host.run('sh', [
    '-c',
    'grep -rs "" /proc/sys/net/ipv4/vs /proc/sys/net/ipv4/conf --include=send_redirects --include="*_conn" --include="*_template" --include=backup_only; cat /proc/sys/net/ipv4/ip_forward',
  ])
  return {
    ...(await host.snapshot()),
    // Of clients and real servers; they come and go with their packets.
    learnedNeighbours: [],
    directorSysctls: sysctls.split('\n'),
    rules: await cluster.rules(),
  }
}
