import type { Explanation } from '../../checks/explanation.ts'
import type { CheckId } from './check.ts'

export const EXPLANATIONS: Record<CheckId, Explanation> = {
  'ipvs-pool': {
    title: 'The kernel’s table of virtual services is what the configuration says.',
    meaning:
      'Clients are sent where the kernel’s table says, whatever any file says. A service that is missing refuses them; a real server that is missing makes the others carry its load; one too many may be a host that serves nothing.',
    causes: [
      'somebody used ipvsadm by hand, or another program (keepalived, ldirectord, kube-proxy) drives the same table',
      'nobody applied after a reboot, or after the configuration was changed',
      'the module ip_vs was unloaded',
    ],
    show: ['ipvsadm -Ln', 'rs-agent director plan'],
    mend: ['rs-agent director apply'],
  },
  'vip-on-nic': {
    title: 'The VIP is on the NIC of the director, as /32 (IPv6: /128).',
    meaning:
      'Without it nobody on the segment answers for the VIP, and the site is gone for whoever does not have its MAC noted. On lo it would be hidden, as on a real server.',
    causes: [
      'a network manager flushed the addresses that it does not know',
      'the other director of a pair has it (VRRP): then bindVips: false says so',
      'the NIC is down, or has no cable',
    ],
    show: ['ip address show to $VIP', 'rs-agent probe $VIP'],
    mend: ['rs-agent director apply'],
  },
  'send-redirects': {
    title: 'The director does not tell clients to go to the real servers directly.',
    meaning:
      'In direct routing a packet leaves by the NIC on which it came. The kernel takes that for a detour and sends ICMP redirects, on which hosts of the segment act. It does so when the value of "all" or the one of the NIC is 1.',
    causes: ['the kernel’s default is 1', 'a sysctl.d file or a network manager set it back'],
    show: ['sysctl -a -r "conf.*send_redirects"'],
    mend: ['rs-agent director apply'],
  },
  'arp-announce': {
    title: 'The director does not ask for real servers in the name of the VIP.',
    meaning:
      'A real server owns the VIP too and does not answer a question that seems to come from itself. The director then cannot reach it until it happens to ask from its own address.',
    causes: ['the kernel’s default is 0', 'a sysctl.d file or a network manager set it back'],
    show: ['sysctl -a -r "conf.*arp_announce"'],
    mend: ['rs-agent director apply'],
  },
  'real-server-arp': {
    title: 'Asked alone, straight to its MAC, each real server is silent about the VIP.',
    meaning:
      'A real server that answers ARP for the VIP takes over the whole site as soon as a router or a client hears it before the director. It is the fault that looks like nothing for weeks. Unknown: it does not answer for its own address either.',
    causes: [
      'arp_ignore was never set there, was reset, or only on lo',
      'the VIP is on its NIC instead of lo',
      'it proxies ARP',
    ],
    show: ['rs-agent probe $VIP --target $RIP', 'rs-agent verify  # on the real server'],
    mend: ['rs-agent apply  # on the real server'],
  },
  'real-server-path': {
    title: 'A SYN for VIP:port, sent to the MAC of each real server, is answered from the VIP.',
    meaning:
      'It is the way of a client. A health check of the real server’s own address (RIP) is green while the host drops all that is for the VIP: a black hole, into which the director goes on sending its share of the clients.',
    causes: [
      'the VIP is missing on the real server (no apply after a reboot, a flush of lo)',
      'the web server listens on the RIP alone',
      'a firewall of the real server does not know the VIP',
      'rp_filter of the real server drops what comes from the director',
      'arp_announce of the real server is 0: it asks for the director in the name of the VIP, which the director owns',
    ],
    show: ['rs-agent verify --only vip-bound,datapath  # on the real server'],
    mend: [
      'rs-agent apply  # on the real server',
      '# until then, weight: 0 in the configuration of the director',
    ],
  },
  'sync-daemon': {
    title: 'The sync daemon runs as configured.',
    meaning:
      'It tells the other director of the connections, so that those survive a failover. Without it all of them break then.',
    causes: [
      'nobody applied after a reboot',
      'its NIC went away',
      'keepalived drives it as well (lvs_sync_daemon)',
    ],
    show: ['ipvsadm -Ln --daemon'],
    mend: ['rs-agent director apply'],
  },
}
