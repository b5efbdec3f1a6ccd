#!/bin/sh
# Runs a command where packages that unpack-tools.sh has unpacked are as if they were installed, for programs that
# look for their files at fixed paths. Only the command sees that: it has mounts of its own, which go with it.
# usage: as-if-installed.sh NAME COMMAND...
set -eu
tree=$(cd "$(dirname "$0")/../../node_modules/.cache/rs-agent-lab/$1" 2>/dev/null && pwd) || {
  echo "rs-agent: the lab's $1 are not there: sh test/support/setup.sh tests" >&2
  exit 69
}
shift
if [ "${RS_AGENT_TREE-}" != "$tree" ]; then
  RS_AGENT_TREE=$tree exec unshare --mount sh "$0" "$(basename "$tree")" "$@"
fi
unset RS_AGENT_TREE
over() { # folder of the tree, where it belongs
  [ ! -d "$tree/$1" ] || mount -t overlay overlay -o "lowerdir=$tree/$1:$2" "$2"
}
over usr /usr
over etc /etc
# With /usr merged, what a package has in /bin belongs there too.
for folder in bin sbin lib; do over "$folder" "/usr/$folder"; done
exec "$@"
