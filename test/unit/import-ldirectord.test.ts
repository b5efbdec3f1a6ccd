import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { poolsOf } from '../../agent/director/import/imported.ts'
import { ipvsadmRules } from '../../agent/report/ipvsadm-rules.ts'
import { configText } from '../support/config-text.ts'
import { importText, ownWarnings } from '../support/import-text.ts'

const { load } = configText()
const READ = (text: string) => importText('ldirectord', text, { nic: 'eth0' })
const rulesOf = (text: string): string[] => {
  const { imported, problems } = READ(text)
  expect(problems).toEqual([])
  return ipvsadmRules(poolsOf(imported)).trimEnd().split('\n')
}
const WEB = 'virtual=10.0.0.100:80\n'
const RS = '\treal=10.0.0.12:80 gate\n'
/** The one service as we write it; it loads. */
const written = (text: string) => {
  const { expressed, problems, yaml } = READ(text)
  expect(problems).toEqual([])
  load(yaml)
  return expressed.services[0]?.value ?? expect.fail('no service is written')
}

describe('the table of ldirectord', () => {
  it.each([
    [
      'its defaults',
      `${WEB}${RS}`,
      ['-A -t 10.0.0.100:80 -s wrr', '-a -t 10.0.0.100:80 -r 10.0.0.12:80 -g -w 1'],
    ],
    [
      'a range',
      `${WEB}\treal=10.0.0.254->10.0.1.1:80 gate 3\n`,
      [
        '-A -t 10.0.0.100:80 -s wrr',
        ...['10.0.0.254', '10.0.0.255', '10.0.1.0', '10.0.1.1'].map(
          ip => `-a -t 10.0.0.100:80 -r ${ip}:80 -g -w 3`,
        ),
      ],
    ],
    [
      'names',
      'virtual=vip:http\n    real=rs1:http masq 2\n',
      ['-A -t 10.0.0.100:80 -s wrr', '-a -t 10.0.0.100:80 -r 10.0.0.12:80 -m -w 2'],
    ],
    [
      'UDP on port 53',
      'virtual=10.0.0.100:53\n\treal=10.0.0.12:53 gate\n\tops=yes\n',
      ['-A -u 10.0.0.100:53 -s wrr -o', '-a -u 10.0.0.100:53 -r 10.0.0.12:53 -g -w 1'],
    ],
    [
      'TCP on port 53 when it is said',
      'virtual=10.0.0.100:domain\n\treal=10.0.0.12 gate\n\tprotocol=tcp\n\tops=yes\n',
      ['-A -t 10.0.0.100:53 -s wrr', '-a -t 10.0.0.100:53 -r 10.0.0.12:53 -g -w 1'],
    ],
    [
      'a masqueraded port 0',
      `${WEB}\treal=10.0.0.12 masq\n`,
      ['-A -t 10.0.0.100:80 -s wrr', '-a -t 10.0.0.100:80 -r 10.0.0.12:0 -m -w 1'],
    ],
    [
      'thresholds and a request',
      `${WEB}\treal=10.0.0.12:80 ipip 5 "x", "y" l:10 u:20\n`,
      [
        '-A -t 10.0.0.100:80 -s wrr',
        '-a -t 10.0.0.100:80 -r 10.0.0.12:80 -i -w 5 --tun-type ipip -x 20 -y 10',
      ],
    ],
    [
      'persistence',
      `${WEB}${RS}\tpersistent=600\n\tnetmask=255.255.255.0\n`,
      ['-A -t 10.0.0.100:80 -s wrr -p 600 -M 255.255.255.0', '-a -t 10.0.0.100:80 -r 10.0.0.12:80 -g -w 1'],
    ],
    [
      'a netmask without persistence',
      `${WEB}${RS}\tnetmask=255.255.255.0\n`,
      ['-A -t 10.0.0.100:80 -s wrr', '-a -t 10.0.0.100:80 -r 10.0.0.12:80 -g -w 1'],
    ],
    [
      'flags',
      `${WEB}${RS}\tscheduler=sh\n\tschedflags=sh-port,flag-1\n`,
      ['-A -t 10.0.0.100:80 -s sh -b sh-fallback,sh-port', '-a -t 10.0.0.100:80 -r 10.0.0.12:80 -g -w 1'],
    ],
    [
      'a firewall mark',
      'virtual=7\n\treal=10.0.0.12:8080 masq\n\tprotocol=fwm\n',
      ['-A -f 7 -s wrr', '-a -f 7 -r 10.0.0.12:8080 -m -w 1'],
    ],
    [
      'IPv6',
      'virtual6=[2001:db8::100]:80\n\treal6=[2001:db8::12]:80 gate\n\tnetmask=64\n\tpersistent=60\n',
      [
        '-A -t [2001:db8::100]:80 -s wrr -p 60 -M 64',
        '-a -t [2001:db8::100]:80 -r [2001:db8::12]:80 -g -w 1',
      ],
    ],
    [
      'an IPv6 mark',
      'virtual6=7\n\treal6=[2001:db8::12] gate\n',
      ['-A -f 7 -6 -s wrr', '-a -f 7 -6 -r [2001:db8::12]:0 -g -w 1'],
    ],
    [
      'comments and blanks',
      `# a\n  # b\nvirtual = 10.0.0.100:80 # c\n# d\n\treal = 10.0.0.12:80 gate # e\n#\treal=10.0.0.13:80 gate\n    real=10.0.0.14:80 gate\n\n`,
      [
        '-A -t 10.0.0.100:80 -s wrr',
        '-a -t 10.0.0.100:80 -r 10.0.0.12:80 -g -w 1',
        '-a -t 10.0.0.100:80 -r 10.0.0.14:80 -g -w 1',
      ],
    ],
    [
      'nobody while the check is off',
      `${WEB}${RS}\tchecktype=off\n`,
      ['-A -t 10.0.0.100:80 -s wrr', '-a -t 10.0.0.100:80 -r 10.0.0.12:80 -g -w 0'],
    ],
  ])('has %s', (_, text, rules) => {
    expect(rulesOf(text)).toEqual(rules)
  })
})

describe('a check', () => {
  const TIMES = { interval: '10s', rise: 1, fall: 1 }
  it.each([
    ['', { type: 'http', path: '/', ...TIMES, timeout: '30s' }],
    [
      '\trequest="a/b.html"\n\treceive="Test Page"\n\tvirtualhost="www.example.org"\n',
      {
        type: 'http',
        path: '/a/b.html',
        body: 'Test Page',
        host: 'www.example.org',
        ...TIMES,
        timeout: '30s',
      },
    ],
    [
      '\treceive="v1\\.2 \\(ok\\)"\n',
      { type: 'http', path: '/', body: 'v1.2 (ok)', ...TIMES, timeout: '30s' },
    ],
    [
      '\tservice=https\n\tcheckport=8443\n',
      { type: 'https', path: '/', port: 8443, ...TIMES, timeout: '30s' },
    ],
    [
      '\tchecktype=connect\n\tchecktimeout=4\n\tfailurecount=3\n',
      { type: 'tcp', ...TIMES, timeout: '4s', fall: 3 },
    ],
    ['\tchecktype=connect\n', { type: 'tcp', ...TIMES, timeout: '5s' }],
    ['\tchecktype=negotiate\n\tchecktimeout=4\n', { type: 'http', path: '/', ...TIMES, timeout: '4s' }],
    ['\tchecktype=connect\n\tprotocol=udp\n', { type: 'icmp', ...TIMES, timeout: '5s' }],
    ['\tchecktype=ping\n', { type: 'icmp', ...TIMES, timeout: '5s' }],
    ['\tchecktype=ping\n\tcheckcount=3\n', { type: 'icmp', ...TIMES, timeout: '5s', fall: 3 }],
    [
      '\tchecktype=3\n\tchecktimeout=2\n',
      [
        { type: 'tcp', ...TIMES, timeout: '2s' },
        { type: 'http', path: '/', ...TIMES, interval: '40s', timeout: '2s' },
      ],
    ],
    [
      '\tchecktype=3\n\tservice=none\n\tprotocol=udp\n\tchecktimeout=2\n',
      { type: 'icmp', ...TIMES, timeout: '2s' },
    ],
    [
      '\tchecktype=external-perl\n\tcheckcommand="/bin/a b"\n\tchecktimeout=4\n',
      {
        type: 'command',
        command: ['sh', '-c', 'exec perl "$0" "10.0.0.100" 80 "$RS_AGENT_RIP" 80', '/bin/a b'],
        ...TIMES,
        timeout: '4s',
      },
    ],
    ['\thttpmethod=HEAD\n', { type: 'http', method: 'HEAD', path: '/', ...TIMES, timeout: '30s' }],
    ['\tchecktype=on\n', undefined],
    ['\tservice=none\n', undefined],
  ])('asks what ldirectord asks: %j', (lines, check) => {
    expect(written(`${WEB}${RS}${lines}`).check).toEqual(check)
  })

  it('has the request that every real server has of its own', () => {
    const service = written(
      `${WEB}\treal=10.0.0.12:80 gate 1 "up", "yes"\n\treal=10.0.0.13:80 gate 1 "up", "yes"\n`,
    )
    expect(service.check).toMatchObject({ path: '/up', body: 'yes' })
  })

  it('is that of one real server where it asks something else', () => {
    const service = written(`${WEB}${RS}${RS.replace('12', '13')}\treal=10.0.0.14:80 gate 1 "up", "yes"\n`)
    expect(service.check).toMatchObject({ path: '/' })
    expect(service.realServers).toMatchObject([{}, {}, { check: { path: '/up', body: 'yes' } }])
  })

  it.each([
    ['virtual=10.0.0.100:80\n\treal=10.0.0.12:8080 masq\n', '10.0.0.100 80 10.0.0.12 8080'],
    ['virtual=7\n\treal=10.0.0.12 gate\n', '7 0 10.0.0.12 0'],
    ['virtual6=[2001:db8::1]:80\n\treal6=[2001:db8::12]:80 gate\n', '[2001:db8::1] 80 [2001:db8::12] 80'],
  ])('gives a command the words that ldirectord gives it: %j', (text, words) => {
    const { check } = written(`${text}\tchecktype=external\n\tcheckcommand=/bin/echo\n`)
    const [program = '', ...args] = (check as { command: string[] }).command
    const RS_AGENT_RIP = text.includes('virtual6') ? '2001:db8::12' : '10.0.0.12'
    expect(spawnSync(program, args, { env: { RS_AGENT_RIP }, encoding: 'utf8' }).stdout).toBe(`${words}\n`)
  })

  it('is of nobody where there are no real servers: the fallback serves', () => {
    const service = written(`${WEB}\tfallback=10.0.0.9:80 gate\n`)
    expect(service).toMatchObject({ realServers: [], fallback: '10.0.0.9:80' })
    expect(service).not.toHaveProperty('check')
  })

  it('takes an interval of a service only when ldirectord forks', () => {
    const own = `${WEB}${RS}\tcheckinterval=3\n`
    expect(written(`fork=yes\ncheckinterval=7\n${own}`).check).toMatchObject({ interval: '3s' })
    expect(written(`checkinterval=7\n${own}`).check).toMatchObject({ interval: '7s' })
    expect(ownWarnings(READ(own))).toEqual(['interval-without-fork FILE:3'])
    const combined = ownWarnings(READ(`${own}\tchecktype=4\n`))
    expect(combined).toEqual(['interval-without-fork FILE:3', 'checktype-combined FILE:4'])
  })
})

describe('what becomes of a failed real server', () => {
  it.each([
    ['', '', 'remove'],
    ['quiescent=yes\n', '', 'quiesce'],
    ['quiescent=yes\n', '\tquiescent=no\n', 'remove'],
  ])('is as %j and %j say', (global, own, onFailure) => {
    expect(written(`${global}${WEB}${RS}${own}`).onFailure).toBe(onFailure)
  })

  it.each([
    ['fallback=127.0.0.1:80\n', '', '127.0.0.1:80'],
    ['fallback=127.0.0.1\n', '', '127.0.0.1:80'],
    ['fallback=127.0.0.1:80\n', '\tfallback=10.0.0.9:81 gate\n', '10.0.0.9:81'],
    ['', '\tfallback=10.0.0.9 gate\n', '10.0.0.9:80'],
    ['fallback6=[2001:db8::9]:80\n', '', undefined],
  ])('is a fallback when all have: %j and %j', (global, own, fallback) => {
    expect(written(`${global}${WEB}${RS}${own}`).fallback).toBe(fallback)
  })
})

describe('what ldirectord refuses', () => {
  it.each([
    [`${WEB}${RS}\n${RS}`, 'FILE:4:1: "real=10.0.0.12:80 gate" is no directive'],
    [`${WEB}\treal=10.0.0.12:80\n`, 'FILE:2:7: real=10.0.0.12:80: ADDRESS[:PORT] gate|masq|ipip is expected'],
    [
      `${WEB}\treal=10.0.0.12:80 route\n`,
      'FILE:2:7: real=10.0.0.12:80 route: a real server is reached by gate, masq or ipip, not "route"',
    ],
    [
      `${WEB}\treal=10.0.0.9->10.0.0.7:80 gate\n`,
      'FILE:2:7: the range 10.0.0.9->10.0.0.7 ends before it starts',
    ],
    [
      `${WEB}\treal=10.0.0.12:80 gate 1 what\n`,
      'FILE:2:7: real=10.0.0.12:80 gate 1 what: "what" is not understood',
    ],
    [`${WEB}${RS}\tquiescent=maybe\n`, 'FILE:3:12: quiescent is yes or no, not "maybe"'],
    [
      `${WEB}${RS}\tchecktype=\n`,
      'FILE:3:12: checktype is connect, negotiate, ping, off, on, external, external-perl or a number, not ""',
    ],
    [`${WEB}${RS}\tservice=gopher\n`, 'FILE:3:10: ldirectord knows no service "gopher"'],
    [`${WEB}${RS}\trequest=index.html\n`, 'FILE:3:10: request needs a text in quotes'],
    [`${WEB}${RS}\tnetmask=24\n`, 'FILE:3:10: a netmask is like 255.255.255.0, not "24"'],
    [`${WEB}${RS}\tprotocol=sctp\n`, 'FILE:3:11: a protocol is tcp or udp, not "sctp"'],
    [`${WEB}${RS}\tshedule=rr\n`, 'FILE:3:2: ldirectord knows no shedule in a virtual service'],
    [`${WEB}${RS}\treal6=[2001:db8::12]:80 gate\n`, 'FILE:3:2: real6 is not for an IPv4 service'],
    [`${WEB}${RS}${WEB}${RS}`, 'FILE:3:1: 10.0.0.100:80/tcp is there twice'],
    ['virtual=nobody:80\n', 'FILE:1:9: "nobody:80" is no IPv4 address and port, and no name of them'],
    ['virtual=:80\n', 'FILE:1:9: ":80" is no ADDRESS:PORT and no firewall mark'],
    ['checktimeout=0\n', 'FILE:1:14: checktimeout needs a number above 0'],
    [
      'timeout=3\n',
      'FILE:1:1: timeout is not taken any more: ldirectord has checktimeout and negotiatetimeout instead',
    ],
    ['what=ever\n', 'FILE:1:1: ldirectord knows no what'],
  ])('is refused here too: %j', (text, problem) => {
    expect(READ(text).problems).toContain(problem)
  })
})

describe('what has no equal', () => {
  it.each([
    [
      `emailalert="root"\ncallback="/bin/sync"\n${WEB}${RS}`,
      ['ldirectord-emailalert FILE:1', 'ldirectord-callback FILE:2'],
    ],
    [
      `${WEB}${RS}\tservice=mysql\n\tlogin="a"\n\tpasswd="b"\n`,
      ['check-of-a-protocol FILE:3', 'ldirectord-login FILE:4', 'ldirectord-passwd FILE:5'],
    ],
    [`${WEB}${RS}\tchecktype=3\n`, ['checktype-combined FILE:3']],
    [`${WEB}${RS}\tchecktype=off\n`, ['checktype-off FILE:3']],
    [`${WEB}${RS}\thttpmethod=HEAD\n\treceive="a"\n`, ['check-method FILE:3']],
    [`${WEB}${RS}\treceive="a|b"\n`, ['check-pattern FILE:3']],
    [`${WEB}${RS}\trequest="a b"\n`, ['check-path FILE:3']],
    [`${WEB}${RS}\tfallback=10.0.0.12:80 gate\n`, ['fallback-is-real-server FILE:1']],
    [`${WEB}${RS}\tfallback=10.0.0.9:80 masq\n`, ['fallback-forwarding FILE:3']],
    [`${WEB}\treal=10.0.0.12:80 masq\n\tfallback=10.0.0.9:80\n`, ['fallback-forwarding FILE:3']],
    [`${WEB}\treal=10.0.0.12:80 masq\n\tfallback=10.0.0.9:80 masq\n`, []],
    [`${WEB}\treal=10.0.0.12:80 masq\n\tfallback=127.0.0.1:80\n`, []],
    [
      'virtual=7\n\treal=10.0.0.12 gate\n\tfallback=10.0.0.9\n',
      ['mark-without-vips FILE:1', 'fallback-without-port FILE:3'],
    ],
  ])('is told by name: %j', (text, warnings) => {
    const result = READ(text)
    expect(result.problems).toEqual([])
    expect(ownWarnings(result)).toEqual(warnings)
    load(result.yaml)
  })

  it('never repeats a password', () => {
    const { expressed, yaml } = READ(`${WEB}${RS}\tpasswd="geheim"\n\tsecret="geheim"\n`)
    expect(yaml + JSON.stringify(expressed)).not.toContain('geheim')
  })
})
