/** What differs from one Linux distribution to another, in one place. */

/** The programs that install packages. */
export type PackageTool = 'apt-get' | 'dnf' | 'yum' | 'zypper' | 'apk'

export type WebServerName = 'apache' | 'nginx'

/** How a distribution ships a web server. */
export interface WebServerPlace {
  package: string
  /** Of systemd and OpenRC alike, without the ending. */
  unit: string
  /** The drop-in that is ours, below the root: the server's own configuration includes it. */
  site: string
  /** Where the server keeps its logs. */
  logs: string
  /** Its own judgement of its configuration. */
  test: readonly [string, ...string[]]
  /** Where there is no service starter: its own control commands. */
  start: readonly [string, ...string[]]
  reload: readonly [string, ...string[]]
  stop: readonly [string, ...string[]]
  /** Where it tells its process id. */
  pidFile: string
  /** Files and folders that may say where it listens; Apache refuses a port that is named twice. */
  listens: readonly string[]
}

export interface Distribution {
  /** For people. */
  title: string
  /** In the order in which they are tried. */
  tools: readonly PackageTool[]
  nfsPackage: string
  /** Comes along with it: version 3 of NFS asks it for ports. */
  rpcbindPackage: string
  webServers: Record<WebServerName, WebServerPlace>
}

const NGINX = {
  package: 'nginx',
  unit: 'nginx',
  logs: '/var/log/nginx',
  test: ['nginx', '-t', '-q'],
  start: ['nginx'],
  reload: ['nginx', '-s', 'reload'],
  stop: ['nginx', '-s', 'quit'],
  pidFile: 'run/nginx.pid',
  listens: ['etc/nginx/nginx.conf', 'etc/nginx/conf.d', 'etc/nginx/sites-enabled', 'etc/nginx/http.d'],
} as const

export const DISTRIBUTIONS = {
  debian: {
    title: 'Debian',
    tools: ['apt-get'],
    nfsPackage: 'nfs-common',
    rpcbindPackage: 'rpcbind',
    webServers: {
      apache: {
        package: 'apache2',
        unit: 'apache2',
        // A regular file, not a link to sites-available: it is there and in use, or not there.
        site: 'etc/apache2/sites-enabled/rs-agent.conf',
        logs: '/var/log/apache2',
        test: ['apache2ctl', '-t'],
        start: ['apache2ctl', 'start'],
        reload: ['apache2ctl', 'graceful'],
        stop: ['apache2ctl', 'stop'],
        pidFile: 'run/apache2/apache2.pid',
        listens: [
          'etc/apache2/apache2.conf',
          'etc/apache2/ports.conf',
          'etc/apache2/sites-enabled',
          'etc/apache2/conf-enabled',
        ],
      },
      nginx: { ...NGINX, site: 'etc/nginx/conf.d/rs-agent.conf' },
    },
  },
  fedora: {
    title: 'Fedora or Red Hat',
    tools: ['dnf', 'yum'],
    nfsPackage: 'nfs-utils',
    rpcbindPackage: 'rpcbind',
    webServers: {
      apache: {
        package: 'httpd',
        unit: 'httpd',
        site: 'etc/httpd/conf.d/rs-agent.conf',
        logs: '/var/log/httpd',
        test: ['httpd', '-t'],
        start: ['httpd', '-k', 'start'],
        reload: ['httpd', '-k', 'graceful'],
        stop: ['httpd', '-k', 'stop'],
        pidFile: 'run/httpd/httpd.pid',
        listens: ['etc/httpd/conf/httpd.conf', 'etc/httpd/conf.d'],
      },
      nginx: { ...NGINX, site: 'etc/nginx/conf.d/rs-agent.conf' },
    },
  },
  suse: {
    title: 'SUSE',
    tools: ['zypper'],
    nfsPackage: 'nfs-client',
    rpcbindPackage: 'rpcbind',
    webServers: {
      apache: {
        package: 'apache2',
        unit: 'apache2',
        site: 'etc/apache2/vhosts.d/rs-agent.conf',
        logs: '/var/log/apache2',
        test: ['apachectl', '-t'],
        start: ['apachectl', 'start'],
        reload: ['apachectl', 'graceful'],
        stop: ['apachectl', 'stop'],
        pidFile: 'run/httpd.pid',
        listens: [
          'etc/apache2/listen.conf',
          'etc/apache2/httpd.conf',
          'etc/apache2/vhosts.d',
          'etc/apache2/conf.d',
        ],
      },
      nginx: { ...NGINX, site: 'etc/nginx/conf.d/rs-agent.conf' },
    },
  },
  alpine: {
    title: 'Alpine',
    tools: ['apk'],
    nfsPackage: 'nfs-utils',
    rpcbindPackage: 'rpcbind',
    webServers: {
      apache: {
        package: 'apache2',
        unit: 'apache2',
        site: 'etc/apache2/conf.d/rs-agent.conf',
        logs: '/var/log/apache2',
        test: ['httpd', '-t'],
        start: ['httpd', '-k', 'start'],
        reload: ['httpd', '-k', 'graceful'],
        stop: ['httpd', '-k', 'stop'],
        pidFile: 'run/apache2/httpd.pid',
        listens: ['etc/apache2/httpd.conf', 'etc/apache2/conf.d'],
      },
      nginx: { ...NGINX, site: 'etc/nginx/http.d/rs-agent.conf', pidFile: 'run/nginx/nginx.pid' },
    },
  },
} as const satisfies Record<string, Distribution>

export type DistributionId = keyof typeof DISTRIBUTIONS

/** `ID` and `ID_LIKE` of os-release(5), to the table's names. */
const FAMILIES: Record<string, DistributionId> = {
  debian: 'debian',
  ubuntu: 'debian',
  fedora: 'fedora',
  rhel: 'fedora',
  centos: 'fedora',
  suse: 'suse',
  opensuse: 'suse',
  sles: 'suse',
  alpine: 'alpine',
}

/** The distribution that an os-release(5) file tells of; null when none of its names is known. */
export function parseOsRelease(text: string): DistributionId | null {
  const names = ['ID', 'ID_LIKE'].flatMap(key => {
    const value = new RegExp(`^${key}=(.*)$`, 'm').exec(text)?.[1] ?? ''
    return value.replace(/["']/g, '').split(/\s+/)
  })
  return names.map(name => FAMILIES[name]).find(family => family !== undefined) ?? null
}
