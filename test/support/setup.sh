#!/bin/sh
# Brings a fresh clone to where its demo, tests and benchmarks run: checks the machine, installs Debian
# packages (as root) and npm packages, builds the addon and the bundle. Does nothing that is done already.
# `setup.sh tests` adds what only tests need, and what runs some of them on other kernels: an emulator, and the
# kernels.
set -eu
cd "$(dirname "$0")/../.."

stop() {
  echo "rs-agent: $1" >&2
  exit 69
}

[ "$(uname -s)" = Linux ] || stop "this needs Linux: it works on the kernel's own network stack"
[ "$(id -u)" = 0 ] || stop "this needs root, for network namespaces: run it with sudo"
unshare --net true 2>/dev/null || stop "this may not make network namespaces here: run it outside the container, or give it CAP_SYS_ADMIN"

missing=
need() { # command, Debian package
  command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}
need ip iproute2
need tc iproute2
need nsenter util-linux
need setpriv util-linux
need cc gcc
need sysctl procps
need strace strace
if [ "${1-}" = tests ]; then
  need nft nftables
  need iptables-legacy iptables
  need arptables-legacy arptables
  need qemu-system-x86_64 qemu-system-x86
  need depmod kmod
  need xz xz-utils
  need ipvsadm ipvsadm
  need apache2 apache2-bin
  need lexgrog man-db
  need mmdebstrap mmdebstrap
fi
if [ -n "$missing" ]; then
  command -v apt-get >/dev/null 2>&1 || stop "install these first:$missing"
  echo "rs-agent: installing$missing"
  export DEBIAN_FRONTEND=noninteractive
  # shellcheck disable=SC2086
  { apt-get -qq update && apt-get -qq install -y --no-install-recommends $missing libc6-dev; } >/dev/null ||
    stop "apt-get could not install$missing: install them by hand"
fi
command -v cargo >/dev/null 2>&1 || stop "Rust is missing: install it with rustup (stable, 1.89 or later)"
command -v npm >/dev/null 2>&1 || stop "npm is missing: install Node.js 20 or later with npm"

# Only when the lock file says something else than what is installed. Not `npm ci`: it refuses a lock file
# that leaves out what other platforms need. --no-save installs what the lock file says, and leaves it alone.
installed=node_modules/.rs-agent-installed
if ! cmp -s package-lock.json "$installed"; then
  echo "rs-agent: installing npm packages"
  npm install --no-save --no-audit --no-fund --loglevel=error || stop "npm install failed: see its message above"
  cp package-lock.json "$installed"
fi

# `npm run` puts node_modules/.bin first on the PATH: from here on node is the one that package.json names.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
[ -e dist/rs-agent.js ] || echo "rs-agent: building (a minute on the first run)"
if ! npm run --silent build >"$log" 2>&1; then
  cat "$log" >&2
  stop "the build failed: see its message above"
fi
[ "${1-}" = tests ] || exit 0
sh test/lab/fetch-kernels.sh
sh test/support/unpack-tools.sh nfs nfs-kernel-server nfs-common
sh test/support/unpack-tools.sh peers keepalived ldirectord
sh test/support/unpack-tools.sh web nginx-light apache2
sh test/support/unpack-tools.sh clock libfaketime
sh test/support/unpack-tools.sh prometheus prometheus
sh test/support/unpack-tools.sh browser chromium fonts-dejavu-core
sh test/support/unpack-tools.sh shells zsh fish
sh test/support/unpack-tools.sh manuals mandoc
sh test/support/unpack-tools.sh lintian lintian
sh test/support/unpack-tools.sh ansible ansible-core
sh test/support/unpack-tools.sh cloud-init cloud-init
sh test/support/debian-root.sh
sh test/support/rpm-root.sh
