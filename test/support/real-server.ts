import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished } from 'vitest'
import type { Host } from './host.ts'
import { Agent, type ChangeReport, type VerifyReport } from './rs-agent.ts'
import { Segment } from './segment.ts'

export const VIP = '10.10.10.100'
export const CONFIG = `realServer:
  vips: [{ address: ${VIP}, ports: [80/tcp] }]
  directors: [10.10.10.11]
`

export interface TestSegment {
  /** The segment, once the tests run. */
  readonly segment: Segment
  /** A host of its own for each test: what one leaves behind never helps another. */
  bootHost(): Promise<Host>
}

/** One segment for all tests of the file that calls it. */
export function useSegment(): TestSegment {
  let segment: Segment
  let count = 0
  beforeAll(async () => {
    segment = await Segment.build()
  })
  afterAll(() => segment[Symbol.asyncDispose]())
  return {
    get segment() {
      return segment
    },
    bootHost: () => {
      count++
      return segment.addHost(`rs${count}`, `10.10.10.${19 + count}/24`)
    },
  }
}

/** The command line on a host, until the test ends; `null`: without a configuration. */
export function agentOn(host: Host, config: string | null = CONFIG): Agent {
  const agent = new Agent(host, config)
  onTestFinished(() => agent[Symbol.asyncDispose]())
  return agent
}

/** Runs a command that must end with 0. */
export async function done(agent: Agent, ...args: string[]): Promise<ChangeReport> {
  const finished = await agent.run([...args, '--json'])
  expect(finished.exitCode, finished.stdout + finished.stderr).toBe(0)
  return finished.json<ChangeReport>()
}

/** What needs a director, clients or a web server; fault-matrix.test.ts brings these along. */
export const OF_THE_HOST_ALONE = ['--skip', 'vip-owner,datapath,service-answers']

/** What verify says of the host alone; what was left out is not among the checks. */
export async function verify(agent: Agent): Promise<VerifyReport & { exitCode: number | undefined }> {
  const finished = await agent.run(['verify', ...OF_THE_HOST_ALONE, '--json'])
  const report = finished.json<VerifyReport>()
  const checks = report.checks.filter(({ verdict }) => verdict !== 'skipped')
  return { ...report, checks, exitCode: finished.exitCode }
}

/** Names, sizes and times of every file below the root: what a run that writes nothing leaves as it is. */
export function fileTree(root: string): string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name))
    .map(path => `${path} ${statSync(path).size} ${statSync(path).mtimeMs}`)
    .sort()
}
