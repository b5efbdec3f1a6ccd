/**
 * Every state of a connection that IPVS names: the tables of net/netfilter/ipvs/ip_vs_proto_tcp.c, _udp.c and _sctp.c, and of
 * ip_vs_proto.c for persistence templates (Linux 5.10 to 7.3).
 */
export const CONNECTION_STATES: readonly string[] = [
  ...['ESTABLISHED', 'SYN_SENT', 'SYN_RECV', 'SYNACK', 'FIN_WAIT', 'TIME_WAIT', 'CLOSE', 'CLOSE_WAIT'],
  ...['LAST_ACK', 'LISTEN', 'UDP', 'NONE', 'ASSURED'],
  ...['INIT1', 'INIT', 'C-SENT', 'C-REPLIED', 'C-WAIT', 'COOKIE', 'C-ECHOED', 'S-SENT', 'S-RECEIVED'],
  ...['S-ACK-SENT', 'REJECTED', 'CLOSED'],
  // What it says of a state that it does not know.
  ...['BUG!', 'ERR!', '?'],
]
