#!/bin/sh
# Puts the oldest and the newest kernel of the lab into node_modules/.cache/rs-agent-lab/, unpacked: vmlinux,
# config, and the modules of modules.txt with all they need. Nothing is installed on this machine, and its apt
# configuration is only read. Does nothing that is done already.
set -eu
cd "$(dirname "$0")/../.."
lab=$PWD/test/lab
cache=$PWD/node_modules/.cache/rs-agent-lab

stop() {
  echo "rs-agent: the lab's kernels: $1" >&2
  exit 69
}

[ "$(uname -m)" = x86_64 ] || stop "the guests are x86-64 machines, and so must this one be"

# From the mirror that this machine itself uses; whoever mirrors Debian mirrors these suites beside its own.
mirror_of() { # label of the archive
  apt-get indextargets --format '$(LABEL)|$(REPO_URI)' 'Created-By: Packages' | sed -n "s/^$1|//p" | head -n 1
}

fetch() { # name of the kernel, label of its archive, suite
  into=$cache/$1
  cmp -s "$lab/modules.txt" "$into/modules.txt" && return
  echo "rs-agent: fetching the $1 kernel of the lab ($3)"
  mirror=$(mirror_of "$2")
  [ -n "$mirror" ] || stop "apt of this machine knows no archive labelled $2"
  rm -rf "$into" "$into.partial"
  mkdir -p "$into.partial/apt/state/lists/partial" "$into.partial/apt/cache/archives/partial" "$into.partial/tree"
  cd "$into.partial/apt"
  echo "deb [arch=amd64 target=Packages signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $3 main" >sources.list
  : >status
  own="-o Dir::State=$PWD/state -o Dir::State::status=$PWD/status -o Dir::Cache=$PWD/cache
    -o Dir::Etc::sourcelist=$PWD/sources.list -o Dir::Etc::sourceparts=/dev/null
    -o APT::Architecture=amd64 -o APT::Sandbox::User=root -o Acquire::Languages=none"
  # shellcheck disable=SC2086
  {
    apt-get -qq $own update || stop "no suite $3 at the mirror of this machine"
    # One package in old suites, several (binary, modules, base) in new ones.
    packages=$(apt-cache $own depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks \
      --no-replaces --no-enhances linux-image-amd64 | grep -E '^linux-(image|binary|modules|base)-[0-9]')
    apt-get -qq $own download $packages >/dev/null || stop "cannot download $packages"
  }
  for package in ./*.deb; do dpkg-deb -x "$package" ../tree; done
  cd ..
  # Older packages use /lib, newer ones /usr/lib.
  [ -d tree/lib ] || ln -s usr/lib tree/lib
  release=$(ls tree/lib/modules)
  image=$(find tree/boot/ tree/lib/modules/ -name 'vmlinuz*' 2>/dev/null | head -n 1)
  "$cache/../../.bin/node" "$lab/unpack-kernel.ts" "$image" vmlinux
  depmod -b tree "$release"
  mkdir -p "modules/lib/modules/$release"
  cp tree/lib/modules/"$release"/modules.order tree/lib/modules/"$release"/modules.builtin* "modules/lib/modules/$release"
  # Emulated, unpacking a module takes longer than all the rest of loading it.
  while read -r module; do modprobe -d tree -S "$release" --show-depends "$module" 2>/dev/null || :; done <"$lab/modules.txt" |
    sed -n 's/^insmod \([^ ]*\).*/\1/p' | sort -u | while read -r file; do
      plain=modules/lib/modules/$release/kernel/$(basename "$file" .xz)
      mkdir -p "$(dirname "$plain")"
      case $file in
      *.xz) xz -dc "$file" >"$plain" ;;
      *) cp "$file" "$plain" ;;
      esac
    done
  depmod -b modules "$release"
  mv modules/lib/modules/"$release" "$PWD/modules.release" && rm -rf modules tree apt
  mv modules.release modules
  echo "$release" >release
  cp "$lab/modules.txt" modules.txt
  mv "$into.partial" "$into"
}

fetch oldest Debian-Security bullseye-security
fetch newest Debian trixie-backports
