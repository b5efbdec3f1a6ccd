/**
 * Runs inside a namespace: binds and routes the addresses on stdin (one a line) through the agent's netlink
 * engine, prints the milliseconds that it took, and takes them away again.
 */
import { readFileSync } from 'node:fs'
import { openNetwork } from '../../agent/host/netlink/network.ts'
import type { IpAddress } from '../../agent/model/address.ts'
import { vipRoute } from '../../agent/realserver/vip-route.ts'

const addresses = readFileSync(0, 'utf8').trim().split('\n') as IpAddress[]
const network = openNetwork()
const bound = addresses.map(address => ({ link: 'lo', address, prefixLength: 32, scope: 0, flags: 0 }))
const routes = addresses.map(address => {
  const { id, value } = vipRoute(address)
  if (value === null) throw new Error('a route without a form')
  return { ...id, ...value }
})
const startedAt = performance.now()
await network.edit(bound.map(address => ({ edit: 'add-address', address })))
await network.edit(routes.map(route => ({ edit: 'add-route', route })))
const tookMs = performance.now() - startedAt
await network.edit(routes.map(route => ({ edit: 'delete-route', route })))
await network.edit(bound.map(address => ({ edit: 'delete-address', address })))
network.close()
process.stdout.write(`${tookMs}\n`)
