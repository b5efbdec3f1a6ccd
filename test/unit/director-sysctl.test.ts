import { expect, it } from 'vitest'
import { wantedDirector } from '../../agent/director/desired.ts'
import { AS_CONFIGURED } from '../../agent/director/rotation.ts'
import { directorSysctls } from '../../agent/director/sysctl.ts'
import type { IpAddress } from '../../agent/model/address.ts'
import { configText } from '../support/config-text.ts'

const { load } = configText()
const CONFIG = `director:
  interface: eth0
  services:
    - listen: 10.10.10.100:80/tcp
      forwarding: masquerade
      onFailure: remove
      realServers: [{ address: 192.0.2.12 }]
      fallback: 198.51.100.9:80
      check: { type: tcp }
`
const onLink = (link: string, address: string) => ({
  ...{ link, address: address as IpAddress, prefixLength: 24 },
  ...{ scope: 0, flags: 0, secondary: false, label: link },
})
const FOUND = {
  routes: [],
  addresses: [onLink('eth0', '10.10.10.11'), onLink('eth1', '192.0.2.11'), onLink('eth2', '198.51.100.11')],
}

it('has the answers of masqueraded ones forwarded before they come into rotation', () => {
  const standing = { sinceMs: 0, why: 'gone', unasked: '', note: '', latencyMs: null }
  const forwarded = (['up', 'down'] as const).map(health => {
    const standings = { '10.10.10.100:80/tcp': { '192.0.2.12:80': { ...standing, health } } }
    const wanted = wantedDirector(load(CONFIG), { ...AS_CONFIGURED, standings })
    expect(wanted.pools[0]?.usesFallback).toBe(health === 'down')
    return directorSysctls(wanted, FOUND).flatMap(({ path }) => (/forwarding/.test(path) ? [path] : []))
  })
  const both = ['net/ipv4/conf/eth1/forwarding', 'net/ipv4/conf/eth2/forwarding']
  expect(forwarded).toEqual([both, both])
})
