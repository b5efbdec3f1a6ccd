# As the first process of new pid and mount namespaces, from the making of a host with dnf and zypper to its end: lays
# a layer in memory over those of rpm-root.sh and debian-root.sh, in /run/root. Prints its process id, as it is
# outside, once all is there; ends with its stdin, and all that runs there ends with it.
# usage: rpm-disk.sh CACHE OS-RELEASE
set -eu
# Whoever started this may be killed by a signal that this gets too.
trap '' INT HUP TERM
read -r pid _ </proc/self/stat
cache=$1 release=$2
mount -t proc proc /proc
mount -t tmpfs -o mode=755 disk /run
mkdir -p /run/upper/etc /run/upper/srv /run/work /run/root
echo "$release" >/run/upper/etc/os-release
# By relative names: options know no colon or comma in a path.
cd "$cache"
# Its own: folders of a layer below cannot be renamed.
cp -a rpm/repository /run/upper/srv/rpm
mount -t overlay -o "lowerdir=rpm/layer:debian/root,upperdir=/run/upper,workdir=/run/work" disk /run/root
mount -t proc proc /run/root/proc
mount --bind /dev /run/root/dev
mount -t tmpfs shm /run/root/run
echo "$pid"
# Whatever loses its parent becomes a child of this, and shall be gone when it ends.
exec env --ignore-signal=CHLD cat >/dev/null
