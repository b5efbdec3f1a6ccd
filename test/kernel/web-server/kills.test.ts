import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { VIP, WebServerLab } from '../../support/web-server-lab.ts'
import { differencesOf, takeWholeHost, type WholeHost } from '../../support/whole-host.ts'

const SERVERS = [
  { server: 'apache', debian: 'apache2' },
  { server: 'nginx', debian: 'nginx' },
]

const GROUPS = [0, 1, 2, 3, 4, 5, 6]

/** The packages are there: of what comes after them every step is met once. */
describe.for(SERVERS)(
  'a kill -9 between the steps, with $server',
  { timeout: 240_000 },
  ({ server, debian }) => {
    let lab: WebServerLab
    let before: WholeHost
    beforeAll(async () => {
      lab = await WebServerLab.build(`server: ${server}`)
      await lab.host.install(debian)
      await lab.host.run('systemctl', ['disable', '--now', debian])
      before = await takeWholeHost(lab.host)
    })
    afterAll(() => lab[Symbol.asyncDispose]())

    /** As soon as the journal says that so many groups of steps are made. What the agent has started goes on to its end. */
    async function killAfter(groups: number, verb: 'apply' | 'remove'): Promise<boolean> {
      const journal = '/var/lib/rs-agent/journal.jsonl'
      const ended = await lab.sh(`
      rs-agent ${verb} >/dev/null 2>&1 & agent=$!
      until [ "$(wc -l 2>/dev/null <${journal} || echo 0)" -gt ${groups} ]; do
        kill -0 $agent 2>/dev/null || break
      done
      kill -9 $agent 2>/dev/null
      wait $agent; echo $?
      while ps -C systemctl,apache2ctl >/dev/null; do sleep 0.05; done`)
      return ended === '137'
    }

    /** A run that is over before it is killed counts for nothing: a busy machine is late now and then. */
    async function killAtEach(verb: 'apply' | 'remove', recover: () => Promise<unknown>): Promise<void> {
      let kills = 0
      for (const groups of GROUPS) {
        if (await killAfter(groups, verb)) kills++
        await recover()
        expect([groups, ...differencesOf(before, await takeWholeHost(lab.host))]).toEqual([groups])
        if (verb === 'remove') await lab.agent.succeed('apply')
      }
      expect(kills).toBeGreaterThan(2)
    }

    it('of apply: the next apply finishes the work, and remove takes it back', () =>
      killAtEach('apply', async () => {
        await lab.agent.succeed('apply')
        expect(await lab.client.fetch({ address: VIP }, 1)).toMatchObject({ pages: { 'our page': 1 } })
        expect(await lab.agent.succeed('plan')).toMatchObject({ changes: [] })
        await lab.agent.succeed('remove')
      }))

    it('of apply: remove takes back what was made', () =>
      killAtEach('apply', () => lab.agent.succeed('remove')))

    it('of remove: the next remove finishes the work', async () => {
      await lab.agent.succeed('apply')
      await killAtEach('remove', () => lab.agent.succeed('remove'))
    })
  },
)
