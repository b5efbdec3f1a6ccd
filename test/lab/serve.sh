# In a guest: runs what the outside asks for. A line on the second serial port names a folder of the exchange;
# the answer is the same line, once the folder holds stdout, stderr and the exit code.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
mkdir -p "/lib/modules/$(uname -r)"
mount --bind "$(cat /run/lab/modules)" "/lib/modules/$(uname -r)"
# Other modules come when they are first used; this one's device file comes only with it.
modprobe tun
ip link set lo up
stty -F /dev/ttyS1 raw -echo
exec 3<>/dev/ttyS1
echo ready >&3
while read -r job <&3; do
  (
    cd "/run/lab/$job" || exit
    sh ./command </dev/null >stdout 2>stderr 3>&-
    echo $? >exit-code
    echo "$job" >&3
  ) &
done
