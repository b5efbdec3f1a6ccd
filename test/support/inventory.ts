import type { DebianHost } from './debian-host.ts'

/** What a Debian host is made of, as far as a role may change it. */
export interface Inventory {
  packages: string[]
  system: {
    /** Files of /etc that the packages themselves do not bring, with a sum of each. */
    files: string[]
    mounts: string[]
    addresses: string[]
    routes: string[]
    sysctls: string[]
    listeners: string[]
    /** Units that an administrator has enabled. */
    units: string[]
  }
}

/** All of it by the host's own programs. */
export async function takeInventory(host: DebianHost): Promise<Inventory> {
  const lines = async (script: string): Promise<string[]> =>
    (await host.run('sh', ['-c', script]))
      .split('\n')
      .filter(line => line !== '')
      .toSorted()
  return {
    packages: await lines("dpkg --get-selections | sed -n 's/[[:space:]]*install$//p'"),
    system: {
      files: await lines(
        'find /etc/rs-agent /etc/fstab /etc/sysctl.d /etc/systemd/system /etc/apache2/sites-enabled /etc/nginx/conf.d -type f ! -name config.yaml -exec sha256sum {} + 2>/dev/null || :',
      ),
      mounts: await lines('findmnt -rno TARGET,SOURCE,FSTYPE -t nfs,nfs4,autofs || :'),
      addresses: await lines('ip -o -4 address show | cut -d" " -f2-7'),
      routes: await lines('ip -4 route show'),
      sysctls: await lines(
        'grep -H . /proc/sys/net/ipv4/conf/*/arp_ignore /proc/sys/net/ipv4/conf/*/arp_announce',
      ),
      listeners: await lines('ss -Hltn sport = :80'),
      units: await lines(
        'systemctl list-unit-files --state=enabled --no-legend --plain "apache2*" "nginx*" "var-*" || :',
      ),
    },
  }
}
