import type { Explanation } from '../../checks/explanation.ts'
import type { CheckId } from './check.ts'

export const EXPLANATIONS: Record<CheckId, Explanation> = {
  'vip-bound': {
    title: 'The VIP is on lo as /32 (IPv6: /128), and nowhere else.',
    meaning:
      'Without it this host drops what the director sends it: a black hole that a check of its own address (RIP) never sees. On a NIC it answers ARP whatever arp_ignore says. With a shorter prefix on lo its whole subnet counts as this host, and the neighbours cannot be reached.',
    causes: [
      'a network manager flushed lo, or lo went down (that loses IPv6 addresses)',
      'nobody applied after a reboot',
      'a script bound it with the prefix of the NIC (/24), or to the NIC itself',
      'another host has it, so that duplicate address detection took it away (IPv6 on a NIC)',
    ],
    show: ['ip address show to $VIP'],
    mend: ['rs-agent apply'],
  },
  'vip-route': {
    title: 'The host route of the VIP leads to lo.',
    meaning:
      'The kernel delivers the VIP without it; the route keeps this host from sending to the VIP by the NIC when the address is missing, and it is what `ip route` shows to the next person.',
    causes: [
      'a network manager or a script rewrote the routes',
      'another route to $VIP with a smaller metric',
    ],
    show: ['ip route show $VIP', 'ip route get $VIP'],
    mend: ['rs-agent apply'],
  },
  'arp-sysctl': {
    title: 'The values in force, max(all, NIC), keep every NIC quiet about the VIP.',
    meaning:
      'arp_ignore 0 (or 3, unless the VIP has host scope) answers "who has VIP" with this host: clients and routers then send everything here, past the director. arp_announce below 2 names the VIP as the sender of this host’s own questions, which does the same without a single answer. What counts is the NIC on which a question arrives, never lo.',
    causes: [
      'only net.ipv4.conf.lo was set, as many published scripts do',
      'a hardening tool or a network manager reset the values',
      'a NIC that came up after the values were set took those of conf/default',
    ],
    show: ['sysctl -a -r "conf.*(arp_ignore|arp_announce)"'],
    mend: ['rs-agent apply'],
  },
  'arp-sysctl-persisted': {
    title: 'The next boot will be quiet too, with every sysctl.d file counted in.',
    meaning:
      'Right now the host may be right; after the next boot it would answer ARP for the VIP as soon as somebody binds it. Files are read in the order of their names; the last assignment wins, and one in /etc hides one of the same name in /usr/lib.',
    causes: [
      'a file with a later name sets arp_ignore or arp_announce back',
      '/etc/sysctl.d/90-rs-agent.conf was deleted or edited',
      'a line in /etc/sysctl.conf, which is read last',
    ],
    show: [
      'grep -rn "arp_ignore\\|arp_announce" /etc/sysctl.conf /etc/sysctl.d /run/sysctl.d /usr/lib/sysctl.d',
    ],
    mend: ['# take the line out that the evidence names', 'rs-agent apply'],
  },
  'arp-silence': {
    title: 'Asked on the wire who has the VIP, this host stays silent.',
    meaning:
      'The proof: a question is injected on the NIC as if a neighbour had asked, and a tap watches what leaves. An answer means that clients are told that this host is the site. Silence counts only when the host’s own address was answered before and after; without that the verdict is unknown.',
    causes: [
      'arp-sysctl fails as well: the values in force',
      'the VIP is (also) on a NIC',
      'proxy_arp, with a VIP that is not bound here',
      'unknown: the NIC is down, has no carrier or no address of its own; rights are missing; a native XDP program sees real frames first',
      'silent only because of an nft or arptables rule: it leaks when the rules are reloaded',
    ],
    show: [
      'rs-agent probe $VIP --target $RIP  # from another host of the segment',
      'ip address; nft list tables arp; ip link show $NIC',
    ],
    mend: ['ip address del $VIP/32 dev lo  # at once, or take the host off the network', 'rs-agent apply'],
  },
  'arp-announce': {
    title: 'When this host asks for others, it never names the VIP as the sender.',
    meaning:
      'A question "who has GATEWAY, tell VIP" makes every neighbour note this host as the owner of the VIP. The kernel is made to ask, with a packet from the VIP, and the question is counted and dropped before it reaches the wire.',
    causes: [
      'arp_announce is 0 or 1: 1 is not enough when the VIP lies in the subnet of the NIC',
      'the NIC has no address of its own, so that the kernel takes the VIP',
      'unknown: the kernel has no nf_tables, or rights are missing',
    ],
    show: ['sysctl -a -r "conf.*arp_announce"', 'tcpdump -ni $NIC arp and host $VIP'],
    mend: ['rs-agent apply', '# give the NIC an address of its own'],
  },
  'ndp-silence': {
    title: 'Asked by neighbour solicitations for an IPv6 VIP, this host stays silent.',
    meaning:
      'IPv6 asks the addresses of the NIC on which the question arrives: a VIP on lo is silent by construction. An answer means that it is elsewhere as well, or proxied.',
    causes: [
      'the VIP is (also) on a NIC',
      'forwarding, proxy_ndp and a proxy neighbour entry for the VIP',
      'unknown: no link-local address on the NIC, or duplicate address detection failed for it',
    ],
    show: ['ip -6 address show to $VIP', 'ip -6 neigh show proxy', 'ip -6 address show dev $NIC'],
    mend: ['rs-agent apply', 'ip -6 neigh del proxy $VIP dev $NIC'],
  },
  'proxy-arp': {
    title: 'This host does not answer for addresses that are not its own.',
    meaning:
      'With proxy_arp and forwarding a host answers for every address to which it has a route elsewhere. A VIP that is bound is not proxied; the moment it is lost, this host takes clients that it can only drop.',
    causes: [
      'a VPN, container or virtualisation tool switched proxy_arp on',
      'a proxy neighbour entry that somebody added for the VIP',
    ],
    show: ['sysctl -a -r "conf.*(proxy_arp|forwarding|proxy_ndp)"', 'ip neigh show proxy'],
    mend: [
      'sysctl -w net/ipv4/conf/all/proxy_arp=0 net/ipv4/conf/$NIC/proxy_arp=0',
      'ip neigh del proxy $VIP dev $NIC',
    ],
  },
  'rp-filter': {
    title: 'Reverse path filtering lets in what clients send to the VIP.',
    meaning:
      'A strict filter drops a packet whose way back leaves by another NIC, without a word: the director’s table looks right, and every connection hangs. The kernel itself is asked, for an address that stands for the clients.',
    causes: [
      'the default route leaves by another NIC than the one to the director (a management network)',
      'a policy route for packets from the VIP',
      'loose filtering (2) without any route to the clients',
    ],
    show: ['ip route get $VIP from CLIENT iif $NIC', 'nstat -az TcpExtIPReversePathFilter'],
    mend: ['sysctl -w net/ipv4/conf/$NIC/rp_filter=2', '# or route answers to clients by $NIC'],
  },
  'vip-owner': {
    title: 'Asked on the wire, only the configured director answers for the VIP.',
    meaning:
      'Another host that answers takes clients away from the director: a sibling that is not silenced, a second director, a stranger. When nobody answers, the site is unreachable although this host may be right: unknown.',
    causes: [
      'a sibling real server without arp_ignore (run rs-agent verify there)',
      'two directors, both of which believe to be the master',
      'an address that was given out twice',
      'a container or virtual machine of this host, on a macvlan of the NIC',
      'unknown: the director is down, on another segment, or has not taken the VIP',
    ],
    show: ['rs-agent probe $VIP', '# the switch’s MAC address table tells the port'],
    mend: [
      'rs-agent apply  # on the real server that answers',
      '# take the VIP off the host that should not have it',
    ],
  },
  datapath: {
    title: 'What a client sends to VIP:port is accepted, and answered from the VIP.',
    meaning:
      'A SYN is injected on the NIC as if the director had handed it over, and the SYN-ACK is seen leaving. If not, the director sends clients into a black hole. The evidence names the first thing that is in the way.',
    causes: [
      'the VIP is not bound',
      'nothing listens on it, or only on the RIP, or for one NIC alone (SO_BINDTODEVICE)',
      'a firewall, rp_filter, an ip rule, or a policy route',
      'the gateway towards the clients does not answer',
    ],
    show: [
      'ss -ltn',
      'nft list ruleset',
      'ip route get $VIP from CLIENT iif $NIC',
      'ip route get CLIENT from $VIP',
    ],
    mend: [
      'rs-agent apply  # for the address and its route',
      '# bind the server to $VIP or to every address',
      '# let the port in',
    ],
  },
  'nfs-mounted': {
    title: 'Each share is mounted, from the configured server, and its server answers for it.',
    meaning:
      'Without its share the web server shows what lies beneath: an empty folder, or pages of long ago. Of a server that is dead each request waits, and the web server with it. Whatever the server does, the verdict is there within three seconds: who is asked may hang, who asks does not.',
    causes: [
      'not mounted: somebody unmounted it, or its server was dead when it was tried last',
      'another source, or not as it is to be written to: somebody mounted it by hand',
      'dead server: its host is down or cut off, nfsd does not run there, or a firewall is in the way',
      'refused: the server does not export the folder, or not to this host',
      'stale: the server has another folder, or another file system, in the place of the one that was mounted',
      'no answer although the server does: its disk hangs, or it waits for a lock',
    ],
    show: [
      'findmnt --types nfs,nfs4,autofs',
      'rpcinfo -t SERVER nfs',
      'showmount -e SERVER  # version 4 alone: exportfs -v on the server',
    ],
    mend: [
      'rs-agent apply  # mounts what is not mounted',
      'umount -f -l TARGET; rs-agent apply  # stale, or from elsewhere',
      '# on the server: systemctl start nfs-server; exportfs -ra',
    ],
  },
  'service-answers': {
    title: 'A web server on this host answers at the VIP with the status and the page that are configured.',
    meaning:
      'The request is made on this host, to the VIP: it shows the server and its pages, not the way of a client; that is datapath.',
    causes: [
      'the server does not run, or listens only on the RIP',
      'an error of the application (5xx)',
      'the share with the pages is not mounted: another page is served',
    ],
    show: ['curl -v http://$VIP/', 'ss -ltn', 'findmnt'],
    mend: ["# the server's own log says why", 'systemctl restart apache2  # or nginx'],
  },
  packages: {
    title: 'The packages that the web server and the mounts need are installed.',
    meaning: 'Without them nothing is served from this host, or nothing any more after its next boot.',
    causes: ['nobody applied here yet', 'somebody took a package off', 'an upgrade ended in the middle'],
    show: ['rs-agent plan', 'grep . /var/log/rs-agent/packages.log'],
    mend: ['rs-agent apply'],
  },
  'boot-persistence': {
    title: 'A service binds the VIPs at the next boot, silent first.',
    meaning:
      'The kernel forgets addresses, and apply works once: without the service this host comes back from its next boot without the VIP, and is a black hole for what the director sends it. Skipped where no systemd runs; unknown where the service is set up but does not run now.',
    causes: [
      'nobody installed the service after the first apply',
      'somebody disabled or masked rs-agent.service',
      'an image was made of this host before the service was installed',
    ],
    show: ['rs-agent service status', 'systemctl status rs-agent.service rs-agent-silence.service'],
    mend: ['rs-agent service install'],
  },
}
