import { readFileSync } from 'node:fs'
import { afterEach, expect, it } from 'vitest'
import { KeptHost, VIP } from '../../support/kept-host.ts'

let kept: KeptHost
afterEach(() => kept?.[Symbol.asyncDispose]())

/** Address changes as `ip -batch` reads them: each address comes and goes. */
function changes(count: number, at: string): string[] {
  return Array.from({ length: count / 2 }, (_, index) => {
    const address = `10.77.${(index >> 8) & 255}.${index & 255}/32`
    return [`addr add ${address} dev ${at}`, `addr del ${address} dev ${at}`]
  }).flat()
}

it('100,000 changes while it is stopped, and a VIP lost in the middle of them, are made good when it goes on', {
  timeout: 180_000,
}, async () => {
  kept = await KeptHost.build()
  await kept.host.namespace.ip('link add spare0 type veth peer name spare1', 'link set spare0 up')
  const run = await kept.start()
  const pid = await run.pid()
  const expected = await kept.snapshot()
  const storm = await kept.startStorm()
  process.kill(pid, 'SIGSTOP')
  await kept.host.namespace.ip(
    ...changes(50_000, 'spare0'),
    `addr del ${VIP}/32 dev lo`,
    ...changes(50_000, 'spare0'),
  )
  process.kill(pid, 'SIGCONT')
  await kept.becomes(expected)
  await run.says(/changes of the network were too many to be heard/)
  await run.reports({ pid, vips: [{ address: VIP, bound: true }] })
  // What comes after is heard as before.
  await kept.host.namespace.ip(`addr del ${VIP}/32 dev lo`)
  await run.says(/^10\.10\.10\.100\/32 on lo had gone: bound again/)
  await kept.becomes(expected)
  await kept.expectSilence(storm)
})

it('keeps its memory through 20,000 changes of addresses and a thousand lost VIPs', {
  timeout: 240_000,
}, async () => {
  const vips = Array.from({ length: 100 }, (_, index) => `10.10.10.${100 + index}`)
  kept = await KeptHost.build(
    `realServer: { vips: [${vips.map(address => `{ address: ${address} }`).join(', ')}] }\n`,
  )
  await kept.host.namespace.ip('link add spare0 type veth peer name spare1', 'link set spare0 up')
  const run = await kept.start()
  const pid = await run.pid()
  const all = vips.map(vip => `lo ${vip}/32`)
  /** A hundred lost VIPs, and two thousand flaps of other addresses. */
  const round = async (): Promise<number> => {
    await kept.host.namespace.ip(...vips.map(vip => `addr del ${vip}/32 dev lo`), ...changes(2_000, 'spare0'))
    await expect.poll(async () => (await kept.vips()).sort(), { timeout: 50_000 }).toEqual(all.sort())
    return residentBytes(pid)
  }
  // The heap grows to its limit before anything of it is given back.
  for (let warmUp = 0; warmUp < 4; warmUp++) await round()
  const sizes: number[] = []
  for (let number = 0; number < 10; number++) sizes.push(await round())
  const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] ?? 0
  const growth = median(sizes.slice(5)) - median(sizes.slice(0, 5))
  expect(growth, `resident: ${sizes}`).toBeLessThan(8 * 1024 * 1024)
  expect(run.report().history.length).toBeLessThanOrEqual(200)
})

function residentBytes(pid: number): number {
  const [, pages] = readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')
  return Number(pages) * 4096
}
