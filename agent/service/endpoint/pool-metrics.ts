import type { DirectorView, RealServerRow, RealServerState, TableEntry } from './director-view.ts'
import { counter, type Family, gauge, type Sample, single } from './family.ts'

const STATES = ['serving', 'kept', 'fallback', 'drained', 'resting', 'out'] satisfies RealServerState[]

/** Of a director's pool. */
export function poolFamilies(view: DirectorView): Family[] {
  return [...serviceFamilies(view), ...tableFamilies(view), ...healthFamilies(view)]
}

function serviceFamilies({ run, services, alarms }: DirectorView): Family[] {
  return [
    gauge('rs_agent_pool_checked', 'Whether a director run checks the pool.', single(Number(run !== null))),
    gauge(
      'rs_agent_pool_alarms',
      'Hosts that answer ARP or NDP for a VIP of this director.',
      single(alarms.length),
    ),
    gauge(
      'rs_agent_pool_fallback',
      'Whether the fallback serves, because no real server can.',
      services.map(({ service, usesFallback }) => ({ labels: { service }, value: Number(usesFallback) })),
    ),
    gauge(
      'rs_agent_pool_real_servers',
      'Real servers of the service, by state.',
      services.flatMap(({ service, realServers }) =>
        STATES.map(state => ({
          labels: { service, state },
          value: realServers.filter(row => row.state === state).length,
        })),
      ),
    ),
  ]
}

function tableFamilies(view: DirectorView): Family[] {
  const inTable = (value: (table: TableEntry) => number): Sample[] =>
    samples(view, ({ table }) => (table === null ? null : value(table)))
  return [
    gauge(
      'rs_agent_pool_real_server_weight',
      'Weight in the table of the kernel; 0 gets no new connections.',
      // One that is not in the table gets none either.
      samples(view, ({ table }) => table?.weight ?? 0),
    ),
    gauge(
      'rs_agent_pool_real_server_active_connections',
      'Connections that are established.',
      inTable(table => table.activeConnections),
    ),
    gauge(
      'rs_agent_pool_real_server_inactive_connections',
      'Connections in any other state.',
      inTable(table => table.inactiveConnections),
    ),
    counter(
      'rs_agent_pool_real_server_connections_total',
      'Connections since it was put into the table.',
      inTable(table => table.connections),
    ),
    counter(
      'rs_agent_pool_real_server_in_bytes_total',
      'Bytes from clients since it was put into the table.',
      inTable(table => table.inBytes),
    ),
    counter(
      'rs_agent_pool_real_server_out_bytes_total',
      'Bytes to clients since it was put into the table, where answers come back through the director.',
      inTable(table => table.outBytes),
    ),
  ]
}

/** Of real servers with checks. */
function healthFamilies(view: DirectorView): Family[] {
  return [
    gauge(
      'rs_agent_pool_real_server_up',
      'Whether its checks find it up.',
      // Nothing for one that is not proven yet: it is neither.
      samples(view, ({ health }) => (health === 'up' ? 1 : health === 'down' ? 0 : null)),
    ),
    gauge(
      'rs_agent_pool_real_server_check_latency_seconds',
      'Time that the last check which was answered took, in seconds.',
      samples(view, ({ latencyMs }) => (latencyMs === null ? null : latencyMs / 1000)),
    ),
  ]
}

/** Null for a real server that has no such value. */
function samples({ services }: DirectorView, of: (row: RealServerRow) => number | null): Sample[] {
  return services.flatMap(({ service, realServers }) =>
    realServers.flatMap(row => {
      const value = of(row)
      return value === null ? [] : [{ labels: { service, real_server: row.realServer }, value }]
    }),
  )
}
