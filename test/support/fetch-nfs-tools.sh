#!/bin/sh
# Unpacks Debian's NFS server and client, and what they need that is not here, into node_modules/.cache/rs-agent-lab/.
# Not installed: that would start an NFS server and a portmapper on this machine. Does nothing when it is done already.
set -eu
cd "$(dirname "$0")/../.."
into=$PWD/node_modules/.cache/rs-agent-lab/nfs
[ ! -e "$into" ] || exit 0

stop() {
  echo "rs-agent: the lab's NFS: $1" >&2
  exit 69
}

echo "rs-agent: fetching the NFS tools of the lab"
rm -rf "$into.partial"
mkdir -p "$into.partial/packages" "$into.partial/tree"
cd "$into.partial/packages"
# What apt would install, without installing it; both by name, because they may be installed already.
missing=$(apt-get -qq -s --no-install-recommends install nfs-kernel-server nfs-common | sed -n 's/^Inst \([^ ]*\) (\([^ ]*\).*/\1=\2/p') ||
  stop "apt-get knows no nfs-kernel-server: run apt-get update"
# shellcheck disable=SC2086
apt-get -qq -o APT::Sandbox::User=root download nfs-kernel-server nfs-common $missing >/dev/null ||
  stop "cannot download nfs-kernel-server and nfs-common"
for package in ./*.deb; do dpkg-deb -x "$package" ../tree; done
mv ../tree "$into"
rm -rf "$into.partial"
