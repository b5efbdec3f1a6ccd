import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { poolsOf } from '../../agent/director/import/imported.ts'
import { ipvsadmRules } from '../../agent/report/ipvsadm-rules.ts'
import { configText } from '../support/config-text.ts'
import { importText, ownWarnings } from '../support/import-text.ts'

const { load } = configText()
const read = (text: string, files: Record<string, string> = {}) =>
  importText('keepalived', text, { files, nic: 'eth0' })
const rulesOf = (text: string, files: Record<string, string> = {}): string[] => {
  const { imported, problems } = read(text, files)
  expect(problems).toEqual([])
  return ipvsadmRules(poolsOf(imported)).trimEnd().split('\n')
}
/** A service on 10.0.0.100:80/tcp by direct routing, with what is added. */
const web = (lines: string, server = 'real_server 10.0.0.12 80 { }'): string =>
  `virtual_server 10.0.0.100 80 {\nprotocol TCP\nlb_kind DR\n${lines}\n${server}\n}\n`
const checked = (checker: string, lines = ''): string =>
  web(lines, `real_server 10.0.0.12 80 {\n${checker}\n}`)
const written = (text: string) => {
  const { expressed, problems, yaml } = read(text)
  expect(problems).toEqual([])
  load(yaml)
  return expressed.services[0]?.value ?? expect.fail('no service is written')
}
const SERVICE = '-A -t 10.0.0.100:80 -s wlc'
const SERVER = '-a -t 10.0.0.100:80 -r 10.0.0.12:80 -g -w 1'

describe('the table of keepalived', () => {
  it.each([
    [
      'its defaults',
      'virtual_server 10.0.0.100 53 {\nreal_server 10.0.0.12 53 {\n}\n}',
      ['-A -u 10.0.0.100:53 -s wlc', '-a -u 10.0.0.100:53 -r 10.0.0.12:53 -m -w 1'],
    ],
    [
      'everything on one line',
      web('lvs_sched rr', 'real_server 10.0.0.12 80 { weight 3 }'),
      ['-A -t 10.0.0.100:80 -s rr', '-a -t 10.0.0.100:80 -r 10.0.0.12:80 -g -w 3'],
    ],
    [
      'a brace on a line of its own',
      'virtual_server 10.0.0.100 80\n{\nprotocol TCP\nlb_kind DR\nreal_server 10.0.0.12 80\n{\n}\n}',
      [SERVICE, SERVER],
    ],
    [
      'comments',
      web('! lb_algo rr\n  # lb_algo rr\nlb_algo lc # or rr'),
      ['-A -t 10.0.0.100:80 -s lc', SERVER],
    ],
    ['persistence without a time', web('persistence_timeout'), [`${SERVICE} -p 360`, SERVER]],
    [
      'a granularity alone',
      web('persistence_granularity 255.255.0.0'),
      [`${SERVICE} -p 360 -M 255.255.0.0`, SERVER],
    ],
    ['flags', web('lb_algo sh\nsh-port'), ['-A -t 10.0.0.100:80 -s sh -b sh-port', SERVER]],
    [
      'an engine',
      web('persistence_timeout 60\npersistence_engine sip').replace('TCP', 'UDP'),
      ['-A -u 10.0.0.100:80 -s wlc -p 60 --pe sip', SERVER.replace('-t', '-u')],
    ],
    ['weights of the service', web('weight 7'), [SERVICE, SERVER.replace('-w 1', '-w 7')]],
    [
      'thresholds and a way of its own',
      web('', 'real_server 10.0.0.12 81 {\nlvs_method NAT\nuthreshold 9\nlthreshold 4\n}'),
      [SERVICE, '-a -t 10.0.0.100:80 -r 10.0.0.12:81 -m -w 1 -x 9 -y 4'],
    ],
    [
      'a tunnel',
      web('', 'real_server 10.0.0.12 80 {\nlvs_method TUN type gue port 6080 remcsum\n}'),
      [SERVICE, '-a -t 10.0.0.100:80 -r 10.0.0.12:80 -i -w 1 --tun-type gue --tun-port 6080 --tun-remcsum'],
    ],
    ['the port of the service', web('', 'real_server 10.0.0.12 8080 { }'), [SERVICE, SERVER]],
    [
      'a masqueraded server without a port',
      web('lvs_method NAT', 'real_server 10.0.0.12 { }'),
      [SERVICE, SERVER.replace('-g', '-m')],
    ],
    [
      'port 0, which is persistent',
      'virtual_server 10.0.0.100 {\nprotocol TCP\nlb_kind DR\nreal_server 10.0.0.12 { }\n}',
      ['-A -t 10.0.0.100:0 -s wlc -p 360', '-a -t 10.0.0.100:0 -r 10.0.0.12:0 -g -w 1'],
    ],
    [
      'a real server once',
      web('', 'real_server 10.0.0.12 80 { }\nreal_server 10.0.0.12 80 { weight 5 }'),
      [SERVICE, SERVER],
    ],
    [
      'a firewall mark',
      'virtual_server fwmark 7 {\nlb_kind DR\nreal_server 10.0.0.12 80 { }\n}',
      ['-A -f 7 -s wlc', '-a -f 7 -r 10.0.0.12:0 -g -w 1'],
    ],
    [
      'an IPv6 mark',
      'virtual_server fwmark 7 {\nip_family inet6\nlb_kind TUN\nreal_server 10.0.0.12 { }\n}',
      ['-A -f 7 -6 -s wlc', '-a -f 7 -6 -r 10.0.0.12:0 -i -w 1 --tun-type ipip'],
    ],
    [
      'a mark of the family of its real servers',
      'virtual_server fwmark 7 {\nlb_kind DR\nreal_server 2001:db8::12 { }\n}',
      ['-A -f 7 -6 -s wlc', '-a -f 7 -6 -r [2001:db8::12]:0 -g -w 1'],
    ],
  ])('has %s', (_, text, rules) => {
    expect(rulesOf(text)).toEqual(rules)
  })

  it.each([
    ['10.0.0.1 80', ['10.0.0.1:80']],
    ['10.0.0.1-3 80', ['10.0.0.1:80', '10.0.0.2:80', '10.0.0.3:80']],
    ['10.0.0.255-10.0.1.1 80', ['10.0.0.255:80', '10.0.1.0:80', '10.0.1.1:80']],
    ['10.0.0.4/31 80', ['10.0.0.4:80', '10.0.0.5:80']],
    ['2001:db8::e-10 80', ['[2001:db8::e]:80', '[2001:db8::f]:80', '[2001:db8::10]:80']],
    ['2001:db8::4/127 80', ['[2001:db8::4]:80', '[2001:db8::5]:80']],
  ])('has a service for each address of a group: %s', (entry, sockets) => {
    const family = entry.includes(':') ? '2001:db8::12' : '10.0.9.12'
    const text = `virtual_server_group G {\n${entry}\n}\nvirtual_server group G {\nprotocol TCP\nlb_kind DR\nreal_server ${family} { }\n}\n`
    expect(rulesOf(text).filter(rule => rule.startsWith('-A'))).toEqual(
      sockets.map(socket => `-A -t ${socket} -s wlc`),
    )
  })
})

it('gives a granularity to the addresses of a group, not to its marks', () => {
  const group = 'virtual_server_group G {\n10.0.0.100 80\nfwmark 7\n}\n'
  const text = `${group}${web('persistence_granularity 255.255.0.0').replace('10.0.0.100 80', 'group G')}`
  expect(rulesOf(text).filter(rule => rule.startsWith('-A'))).toEqual([
    `${SERVICE} -p 360 -M 255.255.0.0`,
    '-A -f 7 -s wlc -p 360',
  ])
})

describe('the lines of keepalived', () => {
  it('put definitions in, of one line and of several', () => {
    const text = `$VIP=10.0.0.100\n$KIND = DR\n$SERVERS= \\\n  real_server 10.0.0.12 80 { } \\\n  real_server 10.0.0.13 80 { }\nvirtual_server $VIP 80 {\nprotocol TCP\nlb_kind \${KIND}\n$SERVERS\n}\n`
    expect(rulesOf(text)).toEqual([SERVICE, SERVER, SERVER.replace('.12', '.13')])
  })

  it('take in other files, in order and within each other', () => {
    const files = {
      'conf.d/b.conf': web(''),
      'conf.d/a.conf': 'include c.inc\n',
      'c.inc': web('').replace(' 80 {', ' 81 {'),
    }
    expect(rulesOf('include conf.d/*.conf\n', files).filter(rule => rule.startsWith('-A'))).toEqual([
      SERVICE,
      '-A -t 10.0.0.100:81 -s wlc',
    ])
  })

  it('name the file and the line of what they take in', () => {
    const { problems } = read('\ninclude other.conf\n', {
      'other.conf': '\n  virtual_server 10.0.0.300 80 {\nreal_server 10.0.0.1 80 { }\n}\n',
    })
    expect(problems).toEqual(['other.conf:2:3: "10.0.0.300" is no address'])
  })

  it('end where files include each other', () => {
    expect(read('include a\n', { a: 'include a\n' }).problems).toEqual([
      'a:1:1: include a: files include each other without end',
    ])
  })

  it('do not grow without end', () => {
    const twice = read('include a\n', { a: 'include a\ninclude a\n' }).problems
    expect(twice.at(-1)).toContain('more than 1000 files are included')
    const laughs = Array.from({ length: 30 }, (_, index) => `$A${index + 1}=$A${index} $A${index}\n`).join('')
    expect(read(`$A0=ha\n${laughs}$A30\n`).problems).toEqual([
      'FILE:32:1: with its definitions put in this line is longer than 65536 characters',
    ])
  })

  it('refuse a block where keepalived has none', () => {
    expect(read(checked('weight 1 PING_CHECK { }')).problems).toEqual([
      'FILE:6:1: weight has no block: what follows belongs on a line of its own',
    ])
  })

  it('keep what is in quotes', () => {
    const text = checked('HTTP_GET {\nurl {\npath "/a#b!c"\nvirtualhost "www.example.org" # host\n}\n}')
    expect(written(text).check).toMatchObject({ path: '/a#b!c', host: 'www.example.org' })
  })

  it.each([
    ['virtual_server 10.0.0.100 80 {\n', 'FILE:1:1: the } of this block is missing'],
    ['}\n', 'FILE:1:1: a } too many'],
    ['{\n}\n', 'FILE:1:1: a { that belongs to nothing'],
    [web('virtualhost "www'), 'FILE:4:1: a quote is not closed'],
    ['~SEQ(i, 1, 3) include x\n', 'FILE:1:1: ~SEQ and ~LST are not read: write the lines out'],
    [web('lb_algo fast'), 'FILE:4:1: IPVS has no scheduler "fast"'],
    [web('lvs_method ROUTE'), 'FILE:4:1: lvs_method ROUTE: NAT, DR or TUN is expected'],
    [web('persistence_timeout 0'), 'FILE:4:1: persistence_timeout is from 1 s to 31 days'],
    [
      web('delay_loop soon', 'real_server 10.0.0.12 80 { TCP_CHECK { } }'),
      'FILE:4:1: delay_loop is a number of seconds, not "soon"',
    ],
    [web('', 'real_server 10.0.0.12 80 { weight -1 }'), 'FILE:5:28: weight is from 0 to 65535, not "-1"'],
    [
      web('', 'real_server 10.0.0.300 80 { }'),
      'FILE:5:1: real_server 10.0.0.300 80 is no address with a port',
    ],
    [
      web('', 'real_server 2001:db8::12 80 { }'),
      'FILE:5:1: real server 2001:db8::12 is not of the family of 10.0.0.100:80/tcp',
    ],
    [web('').replace('TCP', 'XTP'), 'FILE:2:1: a protocol is TCP, UDP or SCTP, not "xtp"'],
    [web('', ''), 'FILE:1:1: keepalived leaves out a virtual_server without real servers'],
    [web('') + web(''), 'FILE:7:1: 10.0.0.100:80/tcp is there twice; line 1 has it too'],
    [
      'virtual_server group G {\nreal_server 10.0.0.1 { }\n}\n',
      'FILE:1:1: there is no virtual_server_group G',
    ],
    [
      'virtual_server_group G {\n10.0.0.9-3 80\n}\n',
      'FILE:2:1: 10.0.0.9-3 80: the range ends at 10.0.0.3, before it starts',
    ],
    [
      'virtual_server_group G {\n10.0.0.9/30 80\n}\n',
      'FILE:2:1: 10.0.0.9/30 80: 10.0.0.9 is not the first address of /30',
    ],
    [checked('HTTP_GET { connect_port 80 }'), 'FILE:6:1: HTTP_GET needs a url'],
    [checked('MISC_CHECK { }'), 'FILE:6:1: MISC_CHECK needs a misc_path'],
    [checked('TCP_CHECK { connect_port 0 }'), 'FILE:6:13: connect_port is from 1 to 65535'],
    ['global_defs {\nlvs_timeouts icmp 3\n}\n', 'FILE:2:1: lvs_timeouts has tcp, tcpfin and udp, not icmp'],
  ])('are refused with their place: %j', (text, problem) => {
    expect(read(text).problems).toContain(problem)
  })
})

describe('a check', () => {
  const TIMES = { interval: '60s', retryInterval: '1s', timeout: '5s', rise: 1, fall: 2 }
  const WEB_TIMES = { ...TIMES, retryInterval: '3s' }
  it.each([
    [checked('TCP_CHECK { }'), { type: 'tcp', ...TIMES }],
    [
      checked('TCP_CHECK {\nconnect_port 8080\nconnect_timeout 1.5\nretry 0\ndelay_loop 2\n}'),
      { type: 'tcp', port: 8080, interval: '2s', timeout: '1500ms', rise: 1, fall: 1 },
    ],
    [
      checked('TCP_CHECK { }', 'delay_loop 3\nretry 4\nconnect_timeout 2'),
      { type: 'tcp', interval: '3s', retryInterval: '1s', timeout: '2s', rise: 1, fall: 5 },
    ],
    [checked('delay_loop 9\nTCP_CHECK { }', 'delay_loop 3'), { type: 'tcp', ...TIMES, interval: '9s' }],
    [checked('PING_CHECK { }'), { type: 'icmp', ...TIMES }],
    [
      checked('HTTP_GET {\nurl {\npath /x\nstatus_code 204\n}\n}'),
      { type: 'http', path: '/x', status: 204, ...WEB_TIMES },
    ],
    [
      checked('SSL_GET {\nurl {\npath /x\nregex "all is well"\n}\n}', 'virtualhost a.example.org'),
      {
        type: 'https',
        path: '/x',
        host: 'a.example.org',
        status: '200-299',
        body: 'all is well',
        ...WEB_TIMES,
      },
    ],
    [
      checked('HTTP_GET {\nurl {\npath /x\nstatus_code 200-203 304\n}\n}'),
      { type: 'http', path: '/x', status: ['200-203', 304], ...WEB_TIMES },
    ],
    [
      checked('HTTP_GET {\nconnect_port 81\nurl { path / }\nurl { path /b }\n}\nPING_CHECK { }'),
      [
        { type: 'http', port: 81, path: '/', status: '200-299', ...WEB_TIMES },
        { type: 'http', port: 81, path: '/b', status: '200-299', ...WEB_TIMES },
        { type: 'icmp', ...TIMES },
      ],
    ],
    [checked('TCP_CHECK { connect_ip 10.0.0.12 }'), { type: 'tcp', ...TIMES }],
    [checked('DNS_CHECK { }'), { type: 'icmp', interval: '60s', timeout: '5s', rise: 1, fall: 4 }],
    [
      checked('MISC_CHECK {\nmisc_path "/bin/check --fast \'a b\' c\\ d"\nmisc_timeout 7\nretry 2\n}'),
      {
        ...{ type: 'command', command: ['/bin/check', '--fast', 'a b', 'c d'] },
        ...{ interval: '60s', retryInterval: '1s', timeout: '7s', rise: 1, fall: 3 },
      },
    ],
    [
      checked('delay_loop 5\nMISC_CHECK { misc_path /bin/check }', 'delay_loop 9'),
      { type: 'command', command: ['/bin/check'], interval: '5s', timeout: '9s', rise: 1, fall: 1 },
    ],
    [
      checked('delay_before_retry 2\nTCP_CHECK { }', 'delay_before_retry 7\ndelay_loop 9'),
      { type: 'tcp', ...TIMES, interval: '9s', retryInterval: '2s' },
    ],
    [
      checked('TCP_CHECK { delay_before_retry 0 }', 'delay_loop 9'),
      { type: 'tcp', ...TIMES, interval: '9s', retryInterval: '1ms' },
    ],
    [
      checked('TCP_CHECK { delay_before_retry 9 }', 'delay_loop 9'),
      { type: 'tcp', interval: '9s', timeout: '5s', rise: 1, fall: 2 },
    ],
    [web(''), undefined],
  ])('asks what keepalived asks: %j', (text, check) => {
    expect(written(text).check).toEqual(check)
  })

  it('asks the port that is written, also where IPVS has that of the service', () => {
    const server = 'real_server 10.0.0.12 8080 {\nTCP_CHECK { }\n}'
    expect(written(web('', server)).check).toMatchObject({ port: 8080 })
    const marked = web('', server).replace('10.0.0.100 80', 'fwmark 5')
    expect(written(marked).check).toMatchObject({ port: 8080 })
  })

  const server = (last: number, checker: string): string => `real_server 10.0.0.${last} 80 {\n${checker}\n}`
  it('is written once where most have it alike, and with those that differ', () => {
    const text = web(
      '',
      [server(12, 'PING_CHECK { }'), server(13, 'TCP_CHECK { }'), server(14, 'TCP_CHECK { }')].join('\n'),
    )
    const { check, realServers } = written(text)
    expect(check).toMatchObject({ type: 'tcp' })
    expect(realServers).toMatchObject([{ check: { type: 'icmp' } }, {}, {}])
    expect((realServers as object[]).filter(each => 'check' in each)).toHaveLength(1)
  })

  it('is that of each real server where one has none', () => {
    const text = web('', [server(12, 'TCP_CHECK { }'), server(13, '')].join('\n'))
    const { check, onFailure, realServers } = written(text)
    expect({ check, onFailure }).toEqual({ check: undefined, onFailure: 'remove' })
    expect(realServers).toEqual([
      { address: '10.0.0.12', weight: 1, check: { type: 'tcp', ...TIMES } },
      { address: '10.0.0.13', weight: 1 },
    ])
  })

  it('is well with every exit status of a misc_dynamic script but 1', () => {
    const script = '"case $1 in [0-9]*) exit $1;; esac" x'
    const text = checked(`MISC_CHECK {\nmisc_path '/bin/sh -c ${script} STATUS'\nmisc_dynamic\n}`)
    const run = (status: string): number | null => {
      const { command } = written(text.replace('STATUS', status)).check as { command: string[] }
      const [program = '', ...args] = command
      return spawnSync(program, args).status
    }
    expect(['0', '2', '40', '255', '1', '127'].map(run)).toEqual([0, 0, 0, 0, 1, 1])
  })
})

describe('what becomes of failed real servers', () => {
  it.each([
    ['', 'TCP_CHECK { }', 'remove'],
    ['inhibit_on_failure', 'TCP_CHECK { }', 'quiesce'],
    ['', 'inhibit_on_failure\nTCP_CHECK { }', 'quiesce'],
    ['inhibit_on_failure', 'inhibit_on_failure false\nTCP_CHECK { }', 'remove'],
  ])('is as %j and %j say', (lines, server, onFailure) => {
    expect(written(checked(server, lines)).onFailure).toBe(onFailure)
  })

  it('is a fallback when all have', () => {
    expect(written(web('sorry_server 10.0.0.99 80')).fallback).toBe('10.0.0.99:80')
    expect(written(web('sorry_server 10.0.0.99')).fallback).toBe('10.0.0.99:80')
  })
})

describe('the VIPs and the sync daemon', () => {
  const vrrp =
    'vrrp_instance VI_1 {\nstate BACKUP\ninterface bond0\nvirtual_router_id 51\nvirtual_ipaddress {\n10.0.0.100\n}\n}\n'

  it('stay with VRRP', () => {
    const { expressed, yaml } = importText('keepalived', vrrp + web(''))
    expect(expressed.director).toMatchObject({ interface: 'bond0', bindVips: false })
    expect(expressed.warnings).toMatchObject([{ id: 'vrrp' }])
    load(yaml)
  })

  it.each([
    ['eth1', { role: 'master', interface: 'eth1', id: 0 }],
    ['eth1 VI_1', { role: 'backup', interface: 'eth1', id: 51 }],
    ['eth1 VI_1 9', { role: 'backup', interface: 'eth1', id: 9 }],
    [
      'eth1 inst VI_1 id 7 port 8849 ttl 3 group 224.0.0.82',
      { role: 'backup', interface: 'eth1', id: 7, port: 8849, ttl: 3, group: '224.0.0.82' },
    ],
  ])('are told: lvs_sync_daemon %s', (words, syncDaemon) => {
    const result = read(`global_defs {\nlvs_sync_daemon ${words}\n}\n${vrrp}${web('')}`)
    expect(result.problems).toEqual([])
    expect(result.expressed.director.syncDaemon).toEqual(syncDaemon)
    expect(ownWarnings(result)).toEqual(['sync-daemon-of-vrrp FILE:2', 'vrrp FILE:4'])
  })
})

describe('what has no equal', () => {
  it.each([
    [
      web('quorum 2\nhysteresis 1\nalpha\nomega\nha_suspend'),
      [
        'keepalived-quorum FILE:4',
        'keepalived-hysteresis FILE:5',
        'keepalived-alpha FILE:6',
        'keepalived-omega FILE:7',
        'keepalived-ha_suspend FILE:8',
      ],
    ],
    [
      checked('notify_up "/bin/up it"\nnotify_down /bin/down'),
      ['keepalived-notify_up FILE:6', 'keepalived-notify_down FILE:7'],
    ],
    [checked('MISC_CHECK {\nmisc_path "/bin/check it"\n}'), ['check-by-command FILE:6']],
    [checked('SMTP_CHECK {\nhost { connect_port 25 }\n}'), ['check-of-a-protocol FILE:6']],
    [checked('DNS_CHECK { }'), ['check-of-a-protocol FILE:6']],
    [
      checked('MISC_CHECK {\nmisc_path /bin/check it\nuser web\nmisc_dynamic\n}'),
      ['misc-path-without-quotes FILE:7', 'check-by-command FILE:8', 'keepalived-misc_dynamic FILE:9'],
    ],
    [checked('UDP_CHECK { }\nFILE_CHECK { }'), ['check-of-a-protocol FILE:6', 'check-of-a-protocol FILE:7']],
    [
      checked(
        'HTTP_GET {\nurl {\npath /\nstatus_code 200 301\ndigest 640205b7b0fc66c1ea91c463fac6334d\n}\n}',
      ),
      ['keepalived-digest FILE:10'],
    ],
    [checked('HTTP_GET {\nurl {\npath /\nregex ^ok\n}\n}'), ['check-pattern FILE:9']],
    [
      checked('TCP_CHECK {\nbindto 10.0.0.11\nconnect_ip 10.0.0.77\nwarmup 3\n}'),
      ['keepalived-bindto FILE:7', 'keepalived-connect_ip FILE:8', 'keepalived-warmup FILE:9'],
    ],
    [web('nat_mask 255.255.255.0'), ['unknown-keyword FILE:4']],
    [`what_is_this yes\n${web('')}`, ['unknown-keyword FILE:1']],
    [`bfd_instance B {\nneighbor_ip 10.0.0.12\n}\n${web('')}`, ['keepalived-bfd_instance FILE:1']],
    [`global_defs {\nlvs_flush\n}\n${web('')}`, ['keepalived-lvs_flush FILE:2']],
    [`include not-there.conf\n${web('')}`, ['include-without-file FILE:1']],
    [web('').replace('lb_kind DR\n', ''), ['forwarding-by-default FILE:1']],
    [web('').replace('protocol TCP\n', ''), ['protocol-by-default FILE:1']],
    [web('ops'), ['ops-without-udp FILE:4']],
    [web('sh-port'), ['foreign-scheduler-flag FILE:4']],
    [web('', 'real_server 10.0.0.12 8080 { }'), ['port-of-the-service FILE:5']],
    [web('@lb2 lb_algo rr'), ['keepalived-config-id FILE:4']],
    [
      web('sorry_server 10.0.0.99 80\nsorry_server_inhibit\nsorry_server_lvs_method NAT'),
      ['keepalived-sorry_server_inhibit FILE:5', 'fallback-forwarding FILE:6'],
    ],
    [
      web('', 'real_server 10.0.0.12 80 { inhibit_on_failure }\nreal_server 10.0.0.13 80 { }'),
      ['failure-of-one-real-server FILE:6'],
    ],
  ])('is told by name: %j', (text, warnings) => {
    const result = read(text)
    expect(result.problems).toEqual([])
    expect(ownWarnings(result)).toEqual(warnings)
    load(result.yaml)
  })
})
