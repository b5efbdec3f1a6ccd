import { expect, it } from 'vitest'
import { OneAtATime } from '../../agent/reconcile/one-at-a-time.ts'

const told: string[] = []
const piece = (name: string) => async () => {
  told.push(`${name} begins`)
  await Promise.resolve()
  told.push(`${name} ends`)
}

it('does once what is asked for a hundred times, and again when it is asked for meanwhile', async () => {
  const work = new OneAtATime(() => undefined)
  let count = 0
  const ask = (): void =>
    work.onceSoon('reload', async () => {
      if (++count === 1) for (let again = 0; again < 100; again++) ask()
    })
  for (let time = 0; time < 100; time++) ask()
  await work.idle()
  await work.idle()
  expect(count).toBe(2)
})

it('goes on after a failure, which is told once', async () => {
  const failures: unknown[] = []
  const work = new OneAtATime(error => failures.push(error))
  told.length = 0
  work.soon(piece('first'))
  work.soon(() => Promise.reject('second'))
  await expect(work.run(() => Promise.reject('third'))).rejects.toBe('third')
  await work.run(piece('fourth'))
  expect([told, failures]).toEqual([
    ['first begins', 'first ends', 'fourth begins', 'fourth ends'],
    ['second'],
  ])
})
