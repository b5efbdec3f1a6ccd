import { chmodSync, rmSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { loadConfig } from '../../agent/config/load.ts'
import { configText } from '../support/config-text.ts'

const text = configText()
const { load, problems } = text

const GOOD = `realServer:
  vips:
    - address: 10.10.10.100
      ports: [80/tcp]
    - address: 2001:0DB8::100
      check: { type: https, path: /health, host: www.example.org, status: 204, body: ok, timeout: 500ms }
  directors: [10.10.10.11]
  siblings: [10.10.10.13]
  clients: [10.0.0.0/8, 192.0.2.7]
`

describe('loadConfig', () => {
  it('reads every documented key and fills in the defaults', () => {
    const config = load(GOOD)
    expect(config.realServer).toEqual({
      vips: [
        { address: '10.10.10.100', ports: ['80/tcp'] },
        {
          address: '2001:db8::100',
          ports: [],
          check: {
            type: 'https',
            path: '/health',
            host: 'www.example.org',
            status: 204,
            body: 'ok',
            timeout: 500,
          },
        },
      ],
      interfaces: 'auto',
      directors: ['10.10.10.11'],
      siblings: ['10.10.10.13'],
      clients: [
        { address: '10.0.0.0', prefixLength: 8 },
        { address: '192.0.2.7', prefixLength: 32 },
      ],
      nfs: [],
      packages: 'install',
    })
  })

  it('knows where each value was written', () => {
    const config = load(GOOD)
    expect(config.locate(['realServer', 'vips', 1, 'address'])).toBe(`${text.file}:5:16`)
    expect(config.locate(['realServer', 'interfaces', 3])).toBe(`${text.file}:2:3`)
  })

  it('lists all problems at once, each with line, column, what it got and what it wants', () => {
    const text = `realServer:
  vips:
    - address: 10.10.10.300
      ports: [80, 99999/tcp]
    - address: 10.10.10.100
      prefix: 24
  intefaces: auto
  directors: 10.10.10.11
colour: red
`
    expect(problems(text)).toEqual([
      '7 problems in the configuration:',
      expect.stringMatching(
        /^FILE:3:16: realServer\.vips\[0\]\.address: expected an IPv4 or IPv6 address.*received "10\.10\.10\.300"$/,
      ),
      expect.stringMatching(
        /^FILE:4:15: realServer\.vips\[0\]\.ports\[0\]: expected a port from 1 to 65535 and a protocol.*received 80$/,
      ),
      expect.stringMatching(
        /^FILE:4:19: realServer\.vips\[0\]\.ports\[1\]: expected a port from 1 to 65535.*received "99999\/tcp"$/,
      ),
      'FILE:6:7: realServer.vips[1].prefix: unknown key',
      expect.stringMatching(
        /^FILE:8:14: realServer\.directors: expected a list of addresses, received "10\.10\.10\.11"$/,
      ),
      'FILE:7:3: realServer.intefaces: unknown key',
      'FILE:9:1: colour: unknown key',
    ])
  })

  it.each([
    [
      'two VIPs alike',
      'realServer: { vips: [{ address: 10.0.0.1 }, { address: 10.0.0.1 }] }',
      /FILE:1:56: .*every address once/,
    ],
    [
      'two VIPs alike in other notation',
      'realServer: { vips: [{ address: fd00::1 }, { address: "fd00:0::1" }] }',
      /FILE:1:55: .*every address once/,
    ],
    [
      'a loopback VIP',
      'realServer: { vips: [{ address: 127.0.0.1 }] }',
      /FILE:1:33: .*not a loopback address/,
    ],
    [
      'a VIP with a prefix',
      'realServer: { vips: [{ address: 10.0.0.1/32 }] }',
      /FILE:1:33: .*received "10.0.0.1\/32"/,
    ],
    [
      'a director that is a VIP',
      'realServer: { vips: [{ address: 10.0.0.1 }], directors: [10.0.0.1] }',
      /FILE:1:58: .*DIP/,
    ],
    [
      'a share that is mounted in two ways',
      'realServer: { vips: [{ address: 10.0.0.1 }], nfs: [{ source: "10.0.0.9:/x", target: /srv, options: "soft,hard" }] }',
      /FILE:1:100: .*options: expected one of soft and hard, which contradict each other, received "soft,hard"/,
    ],
    ['no VIP', 'realServer: { vips: [] }', /FILE:1:21: .*at least one VIP/],
    ['no vips key', 'realServer: {}', /FILE:1:13: realServer\.vips: is missing/],
    [
      'lo as a NIC',
      'realServer: { vips: [{ address: 10.0.0.1 }], interfaces: [lo] }',
      /FILE:1:5\d: .*interfaces/,
    ],
    ['no role', '{}', /at least one role/],
    ['an empty file', '', /FILE:1:1: it says nothing yet/],
    ['a list', '- a', /FILE:1:1: .*expected a map/],
    ['broken YAML', 'realServer: [\n  }', /FILE:2:3: /],
    ['a key twice', 'realServer: { vips: [{ address: 10.0.0.1 }] }\nrealServer: 1', /FILE:2:1: .*unique/],
    ['a second document', 'realServer: { vips: [{ address: 10.0.0.1 }] }\n---\na: 1', /document/],
    [
      'an alias bomb',
      `a: &a [1,1,1,1,1,1,1,1,1,1]\nb: &b [${'*a,'.repeat(12)}]\nc: &c [${'*b,'.repeat(12)}]\nd: [${'*c,'.repeat(12)}]`,
      /alias/,
    ],
  ])('refuses %s', (_, text, message) => {
    expect(problems(text).join('\n')).toMatch(message)
  })

  it('wants a health path that can be decoded, and leaves its query alone', () => {
    const text = (path: string) => `realServer:
  vips: [{ address: 10.10.10.100 }]
  httpd: { healthPath: "${path}" }
`
    for (const path of ['/100%', '/caf%E9', '/%zz?a=b'])
      expect(problems(text(path))).toEqual([
        expect.stringMatching(
          /^FILE:3:24: realServer\.httpd\.healthPath: expected a path in which %25 stands/,
        ),
      ])
    for (const path of ['/100%25', '/caf%C3%A9', '/?share=100%'])
      expect(load(text(path)).realServer?.httpd?.healthPath).toBe(path)
  })

  it.each(['/.rs-agent/ready', '/.rs-agent', '/a/../%2ers-agent/alive?x', '//.rs-agent/'])(
    'takes no health path that the site answers by itself: %s',
    path => {
      const text = `realServer:
  vips: [{ address: 10.10.10.100 }]
  httpd: { healthPath: "${path}" }
`
      expect(problems(text)).toEqual([
        expect.stringMatching(
          /^FILE:3:24: realServer\.httpd\.healthPath: expected the path of a page of the site/,
        ),
      ])
      expect(load(text.replace(path, '/.rs-agents/x')).realServer?.httpd?.healthPath).toBe('/.rs-agents/x')
    },
  )

  it('wants the web server at a port that clients reach, unless a VIP does not tell its ports', () => {
    const text = (ports: string, httpd: string) =>
      `realServer: { vips: [{ address: 10.0.0.1, ports: [${ports}] }], httpd: { ${httpd} } }`
    expect(problems(text('80/tcp, 443/tcp', 'port: 8080'))).toEqual([
      expect.stringMatching(
        /^FILE:1:8\d: realServer\.httpd\.port: expected a port that clients reach on a VIP, 80\/tcp, 443\/tcp, because direct routing cannot change it, received 8080$/,
      ),
    ])
    expect(problems(text('8080/tcp, 80/udp', '')).join()).toMatch(
      /^FILE:1:\d+: realServer\.httpd\.port: .*received 80$/,
    )
    for (const [ports = '', httpd = ''] of [
      ['', 'port: 8080'],
      ['443/tcp, 80/tcp', ''],
      ['8080/tcp', 'port: 8080'],
    ])
      expect(load(text(ports, httpd)).realServer?.httpd).toBeDefined()
    const another = '{ address: 10.0.0.1, ports: [25/tcp] }, { address: 10.0.0.2, ports: [80/tcp] }'
    expect(load(`realServer: { vips: [${another}], httpd: {} }`).realServer?.httpd?.port).toBe(80)
  })

  it('takes a share without options', () => {
    const text =
      'realServer: { vips: [{ address: 10.0.0.1 }], nfs: [{ source: "10.0.0.9:/x", target: /srv/ }] }'
    expect(load(text).realServer?.nfs).toEqual([{ source: '10.0.0.9:/x', target: '/srv', options: '' }])
  })

  it('refuses what is not UTF-8 text, too large, or not there', () => {
    expect(problems(Uint8Array.of(0xff, 0xfe, 0x00)).join()).toMatch(
      /cannot read the configuration FILE: .*encoded data/i,
    )
    expect(problems(`#${'x'.repeat(8 * 1024 * 1024)}`).join()).toMatch(/larger than 8388608 bytes/)
    rmSync(text.file)
    expect(() => loadConfig(text.file)).toThrow('there is no such file')
  })

  it('refuses a file, or a folder, that others may write', () => {
    load(GOOD)
    chmodSync(text.file, 0o664)
    expect(() => loadConfig(text.file)).toThrow(`${text.file} may be written by group or others`)
    chmodSync(text.file, 0o600)
    chmodSync(text.folder, 0o777)
    expect(() => loadConfig(text.file)).toThrow(`${text.folder} may be written by group or others`)
  })

  it('answers any text with a configuration or with a located error', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), anything => {
        text.loadOrLocate(anything)
      }),
      { numRuns: 300 },
    )
  })
})
