# In the network namespace of a host, and a mount namespace of its own: serves the folder $1, which lies in memory,
# by NFSv4 alone, which needs no portmapper. Prints a line once it answers; ends with its stdin.
set -eu
modprobe nfsd
# What the daemons keep on disk elsewhere, and where they look for each other.
mount -t tmpfs state /var/lib
mkdir -p /var/lib/nfs/nfsdcld /var/lib/nfs/v4recovery
touch /var/lib/nfs/etab /var/lib/nfs/rmtab
mount -t tmpfs run /run
mkdir /run/rpc_pipefs
mount -t rpc_pipefs sunrpc /run/rpc_pipefs
mount -t nfsd nfsd /proc/fs/nfsd
daemons=
trap 'kill $daemons' EXIT
# It knows that there is no client of before: without it the first one waits out ten seconds of grace.
nfsdcld -F -p /run/rpc_pipefs >&2 &
daemons=$!
# A file system in memory has handles, which an overlay has not; fsid: and no number of its own.
mount -t tmpfs -o mode=755 export "$1"
exportfs -i -o ro,fsid=0,no_subtree_check,insecure "*:$1"
rpc.nfsd -N 3 -V 4 -G 10 -L 10 4
# The kernel asks it who may see what.
rpc.mountd -F -N 2 -N 3 >&2 &
daemons="$daemons $!"
trap - EXIT
# The kernel's threads keep the namespace alive. Whoever started this closes its stdin at the latest when it ends, and
# may kill this shell before: so a child waits for that.
exec 3<&0
{
  trap '' INT HUP TERM
  read -r _ <&3 || :
  rpc.nfsd 0
  # shellcheck disable=SC2086
  kill $daemons
} >/dev/null 2>&1 &
echo ready
wait
