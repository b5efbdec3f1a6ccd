#!/bin/sh
# Makes, in node_modules/.cache/rs-agent-lab/rpm, what hosts with dnf and zypper (rpm-host.ts) have beside the Debian
# of debian-root.sh: layer, to be laid over its root, with both tools as Debian ships them, and repository, of the
# packages that rpm-packages.sh builds. Nothing of it is installed on this machine.
# Does nothing when it is done already.
set -eu
cd "$(dirname "$0")/../.."
support=$PWD/test/support
cache=$PWD/node_modules/.cache/rs-agent-lab
debian=$cache/debian into=$cache/rpm
made_by() { cat "$support/debian-root.sh" "$support/rpm-root.sh" "$support/rpm-packages.sh"; }
! made_by | cmp -s - "$into/made-by" || exit 0

stop() {
  echo "rs-agent: the lab's dnf and zypper: $1" >&2
  exit 69
}

echo "rs-agent: making a host with dnf and zypper for the lab"
[ -d "$debian/root" ] || stop "there is no Debian to lay them over: sh test/support/debian-root.sh"
rm -rf "$into" "$into.partial"
mkdir -p "$into.partial/packages" "$into.partial/layer"
cd "$into.partial/packages"
log=$into.partial/log

own="-o Dir::State::status=$debian/root/var/lib/dpkg/status -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root"
# shellcheck disable=SC2086
needed=$(apt-get -qq $own -s --no-install-recommends install dnf zypper rpm createrepo-c |
  sed -n 's/^Inst \([^ ]*\) (\([^ ]*\).*/\1=\2/p')
[ -n "$needed" ] || stop "apt-get does not know dnf, zypper, rpm and createrepo-c: run apt-get update"
# shellcheck disable=SC2086
apt-get -qq $own download $needed >"$log" 2>&1 || stop "cannot download its packages: $(cat "$log")"

# In namespaces: what it mounts goes with it, however it ends, and so does what gpg starts.
cd ..
unshare --mount --net --pid --fork --kill-child sh -euc '
  debian=$1 support=$2
  mount -t tmpfs build /mnt
  mkdir /mnt/work /mnt/root /mnt/trees
  mount -t tmpfs build /mnt/trees
  mkdir layer.work
  mount -t overlay -o "lowerdir=$debian/root,upperdir=layer,workdir=layer.work" layer /mnt/root
  for package in packages/*.deb; do
    # Of the documentation only what is called copyright.
    dpkg-deb --fsys-tarfile "$package" | tar -x --keep-directory-symlink -C /mnt/root \
      --exclude "./usr/share/man/*" --exclude "./usr/share/locale/*" --exclude "./usr/share/doc/*/*[!t]"
  done
  for package in apache2-bin libapr1 libaprutil1; do
    dpkg-deb -x "$debian/packages/${package}_"*.deb /mnt/trees/debian
  done
  mkdir -p /mnt/root/build
  mount --bind /mnt/trees /mnt/root/build
  mount --bind /dev /mnt/root/dev
  mount -t proc proc /mnt/root/proc
  cp "$support/rpm-packages.sh" /mnt/trees/
  env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/build LC_ALL=C.UTF-8 chroot /mnt/root sh /build/rpm-packages.sh
  # gpg has left an agent behind, which ends with this.
  umount -l /mnt/root/build
  rmdir /mnt/root/build
' sh "$debian" "$support" >"$log" 2>&1 || stop "cannot unpack them, or build their packages: $(tail -n 40 "$log")"
mv layer/srv/rpm repository
rm -rf packages layer.work log
made_by >made-by
mv "$into.partial" "$into"
