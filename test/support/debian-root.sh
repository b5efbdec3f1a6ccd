#!/bin/sh
# Makes, in node_modules/.cache/rs-agent-lab/debian, what the Debian hosts of the lab (debian-host.ts) start from:
# root, a small Debian with systemd and nothing that serves, and packages, a repository of all that may be installed
# there without a network. Both of the release, and by the apt configuration, of this machine, which is only read.
# Does nothing when it is done already.
set -eu
cd "$(dirname "$0")/../.."
script=$PWD/test/support/debian-root.sh
into=$PWD/node_modules/.cache/rs-agent-lab/debian
! cmp -s "$script" "$into/made-by" || exit 0

# What a server has before it gets a role. curl and what comes with it: nobody tests how libraries are installed.
base='usr-is-merged systemd systemd-sysv apt ifupdown iproute2 procps kmod netbase adduser ucf perl python3 curl libxml2 libstdc++6'
roles='apache2 nginx nfs-common rpcbind'

stop() {
  echo "rs-agent: the lab's Debian: $1" >&2
  exit 69
}

echo "rs-agent: making a Debian host for the lab"
rm -rf "$into" "$into.partial"
mkdir -p "$into.partial/packages"
cd "$into.partial/packages"
log=$into.partial/log

# As for a machine on which nothing is installed, not even what is essential.
: >../status
essential=$(dpkg-query --show --showformat '${Essential} ${Package}\n' | sed -n 's/^yes //p')
own="-o Dir::State::status=$into.partial/status -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root"
# shellcheck disable=SC2086
needed=$(apt-get -qq $own -s --no-install-recommends install $essential $base $roles |
  sed -n 's/^Inst \([^ ]*\) (\([^ ]*\).*/\1=\2/p')
[ -n "$needed" ] || stop "apt-get does not know all of $base $roles: run apt-get update"
# shellcheck disable=SC2086
apt-get -qq $own download $needed >"$log" 2>&1 || stop "cannot download its packages: $(cat "$log")"
# The epoch of a version is escaped in the name of its file, and apt would escape that once more.
for package in *%3a*.deb; do
  [ ! -e "$package" ] || mv "$package" "$(echo "$package" | sed 's/_.*%3a/_/')"
done
for package in *.deb; do
  dpkg-deb --field "$package"
  echo "Filename: ./$package"
  echo "Size: $(stat -c %s "$package")"
  echo "SHA256: $(sha256sum "$package" | cut -d ' ' -f 1)"
  echo
done >Packages
cd ..

# Nobody reads manuals there, or pulls the plug: emulated, both would take longer than all the rest. What it mounts
# goes with it, however it ends: the folder may be removed.
echo "deb [trusted=yes] copy:$PWD/packages ./" |
  unshare --mount mmdebstrap --variant=essential --mode=root --include="$(echo "$base" | tr ' ' ',')" \
    --aptopt='APT::Install-Recommends "false"' \
    --dpkgopt=force-unsafe-io --dpkgopt=path-exclude=/usr/share/man/* --dpkgopt=path-exclude=/usr/share/locale/* \
    --dpkgopt=path-exclude=/usr/share/doc/* --dpkgopt=path-include=/usr/share/doc/*/copyright \
    --hook-dir=/usr/share/mmdebstrap/hooks/maybe-merged-usr \
    '' root - >"$log" 2>&1 || stop "mmdebstrap failed: $(tail -n 40 "$log")"

# What belongs to hardware, to somebody who logs in, or to this machine as a whole; and what would start by itself.
# Generators run at each reload, of which there are many when packages are installed: that of mounts is enough.
hide() { # folder below systemd, names
  folder=$1
  shift
  mkdir -p "root/etc/systemd/$folder"
  for name in "$@"; do ln -s /dev/null "root/etc/systemd/$folder/$name"; done
}
# shellcheck disable=SC2046
hide system systemd-logind.service getty.target systemd-udevd.service dev-hugepages.mount sys-kernel-debug.mount \
  sys-kernel-tracing.mount sys-kernel-config.mount sys-fs-fuse-connections.mount \
  $(cd root/lib/systemd/system && ls -- *.timer)
# shellcheck disable=SC2046
hide system-generators $(cd root/lib/systemd/system-generators && ls | grep -v fstab)
rm -f root/etc/machine-id root/etc/hostname root/etc/resolv.conf
mkdir -p root/srv/debian root/usr/local/lib/rs-agent root/usr/lib/modules
: >root/usr/local/bin/node
ln -s ../lib/rs-agent/rs-agent.js root/usr/local/bin/rs-agent
echo 'deb [trusted=yes] file:/srv/debian ./' >root/etc/apt/sources.list
unshare --mount sh -euc 'mount --bind packages root/srv/debian; chroot root apt-get -qq update; chroot root apt-cache gencaches' \
  >"$log" 2>&1 || stop "apt there cannot read its packages: $(cat "$log")"
cp "$script" made-by
rm status log
mv "$into.partial" "$into"
