# In a mount namespace of its own, from the making of a Debian host to its end: its disk, which outlives its reboots,
# and its control group. The disk is a layer in memory over what debian-root.sh has made, and is put together in /run.
# Prints the folder of the control group once all is there; ends with its stdin, and then takes that away.
# usage: debian-disk.sh CACHE NAME ADDRESS/PREFIX [GATEWAY]
set -eu
# Whoever started this may be killed by a signal that this gets too, and the control group would stay.
trap '' INT HUP TERM
cache=$1 name=$2 address=$3 gateway=${4-}
mount -t tmpfs -o mode=755 disk /run
mkdir -p /run/upper/etc/network /run/work /run/root /run/cgroup
cd /run/upper/etc
echo "$name" >hostname
printf '127.0.0.1\tlocalhost\n%s\t%s\n::1\tlocalhost\n' "${address%/*}" "$name" >hosts
tr -d - </proc/sys/kernel/random/uuid >machine-id
cat >network/interfaces <<END
auto lo
iface lo inet loopback

auto eth0
iface eth0 inet static
	address $address
${gateway:+	gateway $gateway}
END
# By a relative name: options know no colon or comma in a path.
cd "$cache"
mount -t overlay -o "lowerdir=root,upperdir=/run/upper,workdir=/run/work" disk /run/root
mount -t cgroup2 cgroup /run/cgroup
# Below our own, which is ours to divide.
own=$(sed -n 's/^0:://p' /proc/self/cgroup)
group=/run/cgroup${own%/}/debian-host-$$
mkdir "$group"
echo "$group"
read -r _ || :
# Its processes die when the kernel finds the time to.
until find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || [ ! -e "$group" ]; do sleep 0.02; done
