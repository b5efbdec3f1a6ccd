import { existsSync, readlinkSync } from 'node:fs'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { firstLine } from './first-line.ts'
import { Namespace } from './namespace.ts'

const own = readlinkSync('/proc/self/ns/net')

test('runs a program in a network of its own', async () => {
  await using namespace = await Namespace.open()
  expect((await namespace.run('readlink', ['/proc/self/ns/net'])).trim()).not.toBe(own)
  expect(JSON.parse(await namespace.run('ip', ['-j', 'link']))).toHaveLength(1)
})

test('says what went wrong when a program fails', async () => {
  await using namespace = await Namespace.open()
  await expect(namespace.ip('link set nic0 up')).rejects.toThrow('Cannot find device "nic0"')
})

test('writes a sysctl of its own network only', async () => {
  await using namespace = await Namespace.open()
  await using other = await Namespace.open()
  const path = 'ipv4/conf/all/arp_ignore'
  const before = await other.readSysctl(path)
  await namespace.writeSysctl(path, 8)
  expect(await namespace.readSysctl(path)).toBe('8')
  expect(await other.readSysctl(path)).toBe(before)
})

test('ends every program that runs in it when it is disposed', async () => {
  const namespace = await Namespace.open()
  const spawned = namespace.spawn('sleep', ['infinity'])
  await namespace[Symbol.asyncDispose]()
  expect((await spawned).isTerminated).toBe(true)
  expect(existsSync(`/proc/${namespace.pid}`)).toBe(false)
})

test('leaves no process and no cable behind when its owner is killed -9', async () => {
  await using neighbour = await Namespace.open()
  const owner = execa(
    process.execPath,
    ['--input-type=module', '-e', opensANamespaceWithACableTo(neighbour)],
    {
      reject: false,
    },
  )
  const pids = JSON.parse(await firstLine(owner))
  expect(await neighbour.run('ip', ['-br', 'link'])).toContain('cable')

  owner.kill('SIGKILL')
  await owner

  await expect.poll(() => pids.filter(isInANetwork)).toEqual([])
  await expect.poll(() => neighbour.run('ip', ['-br', 'link'])).not.toContain('cable')
})

function opensANamespaceWithACableTo({ pid }: Namespace): string {
  return `
    import { Namespace } from '${new URL('./namespace.ts', import.meta.url)}'
    const namespace = await Namespace.open()
    await namespace.ip('link add name end type veth peer name cable netns ${pid}')
    const { pid } = namespace.spawn('sleep', ['infinity'])
    process.stdout.write(JSON.stringify([namespace.pid, pid]) + '\\n')`
}

// Not whether /proc/PID exists: a killed orphan stays there until the init process collects it.
function isInANetwork(pid: number): boolean {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`) !== ''
  } catch {
    return false
  }
}
