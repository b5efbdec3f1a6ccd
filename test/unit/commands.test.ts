import { expect, it } from 'vitest'
import { type CommandResult, type Commands, commandsBelow } from '../../agent/host/commands.ts'
import { openPackages } from '../../agent/host/packages.ts'

const shell = (script: string, graceMs: number) =>
  commandsBelow('/').run('sh', ['-c', script], { timeoutMs: 500, graceMs })
/** Its children are asked to end, too. */
const UNTIL_ASKED = `trap 'echo finished; exit 7' TERM; while :; do sleep 60; done`

it('asks a command that takes too long to end, where it may, and lets it finish', async () => {
  expect(await shell(UNTIL_ASKED, 30_000)).toMatchObject({
    exitStatus: 7,
    stdout: 'finished',
    isOverdue: true,
  })
})

it('kills a command that takes too long at once, where nothing else is said', async () => {
  expect(await shell(UNTIL_ASKED, 0)).toMatchObject({ exitStatus: null, stdout: '', isOverdue: true })
})

it('kills a command that does not end though it was asked to', async () => {
  const deaf = `trap '' TERM; while :; do sleep 60; done`
  expect(await shell(deaf, 100)).toMatchObject({ exitStatus: null, isOverdue: true })
})

it.each([
  ['apt-get', 'finish what was interrupted: dpkg --force-confold --configure -a'],
  ['dnf', 'try it by hand: dnf install'],
] as const)(
  'says of an installation that %s does not end how long that was, and what to do',
  async (tool, hint) => {
    const overdue: CommandResult = { exitStatus: null, stdout: '', stderr: 'Setting up', isOverdue: true }
    const done: CommandResult = { exitStatus: 0, stdout: '', stderr: '', isOverdue: false }
    const commands: Commands = {
      run: async (_, args, { graceMs }) =>
        args.includes('install') && graceMs !== undefined ? overdue : done,
    }
    const packages = (await openPackages(commands, [tool])) ?? expect.fail()
    await expect(packages.install(['nginx'], { onLine: () => undefined })).rejects.toMatchObject({
      message: `cannot install nginx: ${tool} did not end within 30 min, and was ended`,
      hint,
    })
  },
)
