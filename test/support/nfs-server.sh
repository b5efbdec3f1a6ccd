# In the network namespace of a host, and a mount namespace of its own: serves the folder $1, which lies in memory, by
# NFSv4 alone, which needs no portmapper, or, where $2 is 3, by NFSv3 alone, which does. Prints a line once it answers;
# ends with its stdin.
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
if [ "$2" = 3 ]; then
  versions='-V 3 -N 4'
  # It becomes a user that its package brings.
  { cat /etc/passwd; echo '_rpc:x:65533:65534::/:/bin/false'; } >/run/passwd
  mount --bind /run/passwd /etc/passwd
  rpcbind -f >&2 &
  daemons=$!
  until rpcinfo -p >/dev/null 2>&1; do kill -0 "$daemons"; done
else
  versions='-N 3 -V 4 -G 10 -L 10'
  # It knows that there is no client of before: without it the first one waits out ten seconds of grace.
  nfsdcld -F -p /run/rpc_pipefs >&2 &
  daemons=$!
fi
# A file system in memory has handles, which an overlay has not; fsid: and no number of its own.
mount -t tmpfs -o mode=755 export "$1"
exportfs -i -o ro,fsid=0,no_subtree_check,insecure "*:$1"
echo "rpc.nfsd $versions 4" >/run/start
sh /run/start
# The kernel asks it who may see what.
case $2 in
3) rpc.mountd -F -N 2 >&2 & ;;
*) rpc.mountd -F -N 2 -N 3 >&2 & ;;
esac
echo $! >/run/mountd
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
  kill -KILL $daemons
} >/dev/null 2>&1 &
echo ready
wait
