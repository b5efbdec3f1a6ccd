#!/bin/sh
# The usual way to set up a real server by hand, for comparison only: do not copy it.
# It binds the VIP while the host still answers ARP for it, and unbinds it after the host answers again:
# in both windows this host takes the director's traffic.
VIP=${VIP:?set VIP to the virtual IP address}
conf=/proc/sys/net/ipv4/conf

case ${1-} in
start)
	ip addr add "$VIP/32" dev lo label lo:0
	ip route add "$VIP/32" dev lo
	echo 1 > $conf/lo/arp_ignore
	echo 2 > $conf/lo/arp_announce
	echo 1 > $conf/all/arp_ignore
	echo 2 > $conf/all/arp_announce
	;;
stop)
	echo 0 > $conf/lo/arp_ignore
	echo 0 > $conf/lo/arp_announce
	echo 0 > $conf/all/arp_ignore
	echo 0 > $conf/all/arp_announce
	ip route del "$VIP/32" dev lo
	ip addr del "$VIP/32" dev lo label lo:0
	;;
*)
	echo "usage: VIP=ADDRESS $0 start|stop" >&2
	exit 64
	;;
esac
