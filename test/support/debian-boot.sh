# As the first process of new pid, mount, uts, ipc and control group namespaces: makes the disk of debian-disk.sh
# the root, as a container would, and becomes systemd. Prints its process id, as it is outside, just before that.
# usage: debian-boot.sh CACHE PROGRAMS [NODE]
set -eu
read -r pid _ </proc/self/stat
cache=$1 programs=$2 node=${3-}
cd /run/root
mount -t proc proc proc
# Of all settings only those of the network are a host's own.
mount --bind proc/sys proc/sys
mount --bind proc/sys/net proc/sys/net
mount -o remount,bind,ro proc/sys
[ ! -e proc/sysrq-trigger ] || mount --bind dev/null proc/sysrq-trigger
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup sys/fs/cgroup
# A file system of its own, or systemd would mount this machine's, and keep its own files there.
mount --bind dev dev
# AUTOFS_MINOR of the kernel's include/linux/miscdevice.h: without it systemd has no automounts.
[ -e dev/autofs ] || mknod -m 600 dev/autofs c 10 235
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts
mount -t tmpfs shm dev/shm
mount --bind dev/null dev/console
mount -o bind,ro "$cache/packages" srv/debian
mount -o bind,ro "$programs" usr/local/lib/rs-agent
[ -z "$node" ] || mount -o bind,ro "$node" usr/local/bin/node
[ ! -d /lib/modules ] || mount --rbind /lib/modules usr/lib/modules
pivot_root . mnt
umount -l /mnt
# As systemd makes it where it is not in a container: what is mounted later, services see as well that have a view of
# their own (PrivateTmp).
mount --make-rshared /
echo "$pid"
exec env -i container=lab PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 /sbin/init
