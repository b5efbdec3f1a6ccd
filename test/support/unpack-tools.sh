#!/bin/sh
# Unpacks Debian packages, and what they need that is not here, into node_modules/.cache/rs-agent-lab/NAME: what the
# lab runs in namespaces and guests. Not installed: that would start their services on this machine, an NFS server or
# another director. Does nothing when it is done already.
# usage: unpack-tools.sh NAME PACKAGE...
set -eu
cd "$(dirname "$0")/../.."
name=$1
shift
into=$PWD/node_modules/.cache/rs-agent-lab/$name
[ ! -e "$into" ] || exit 0

stop() {
  echo "rs-agent: the lab's $name: $1" >&2
  exit 69
}

echo "rs-agent: fetching for the lab: $*"
rm -rf "$into.partial"
mkdir -p "$into.partial/packages" "$into.partial/tree"
cd "$into.partial/packages"
# What apt would install, without installing it; those that are named also where they are installed already.
missing=$(apt-get -qq -s --no-install-recommends install "$@" | sed -n 's/^Inst \([^ ]*\) (\([^ ]*\).*/\1=\2/p') ||
  stop "apt-get does not know $*: run apt-get update"
# shellcheck disable=SC2086
apt-get -qq -o APT::Sandbox::User=root download "$@" $missing >/dev/null ||
  stop "cannot download $*"
for package in ./*.deb; do dpkg-deb -x "$package" ../tree; done
mv ../tree "$into"
rm -rf "$into.partial"
