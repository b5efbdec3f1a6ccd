# Debian's systemd-networkd alone, without the rest of systemd, on a layer in memory over what debian-root.sh has made.
# Binds an address to lo. In mount and process namespaces of its own, and in the network namespace that it is
# started in.
# usage: networkd.sh CACHE ADDRESS/PREFIX
set -eu
cd "$1"
mount -t tmpfs -o mode=755 disk /mnt
mkdir /mnt/upper /mnt/work /mnt/root
# By a relative name: options know no colon or comma in a path.
mount -t overlay -o "lowerdir=root,upperdir=/mnt/upper,workdir=/mnt/work" disk /mnt/root
cd /mnt/root
mount -t proc proc proc
# Read-only: what says that there is no udev to wait for.
mount -t sysfs -o ro sys sys
mount --rbind /dev dev
mount -t tmpfs run run
mkdir -p run/systemd/network
printf '[Match]\nName=lo\n[Network]\nLinkLocalAddressing=no\nAddress=%s\n' "$2" >run/systemd/network/10-lo.network
# It drops rights, and with them the signal that shall end it; the first process of a process namespace takes all along.
container=lxc chroot . /usr/lib/systemd/systemd-networkd &
wait
