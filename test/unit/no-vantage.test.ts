import { expect, it } from 'vitest'
import {
  byFirstMethod,
  INJECTION_METHODS,
  NoVantage,
  type Obstacle,
  refusedAs,
} from '../../agent/host/vantage/injection.ts'

it('knows a missing right by its errno', () => {
  expect(obstacleOf('EPERM')).toBe('missing-capability')
  expect(obstacleOf('EACCES')).toBe('missing-capability')
  expect(obstacleOf('ENODEV')).toBe('refused')
})

it('is about rights where one method lacks them and the kernel has not the others', async () => {
  expect(await obstacleAfter('refused', 'missing-capability', 'refused')).toBe('missing-capability')
  expect(await obstacleAfter('refused', 'refused', 'refused')).toBe('refused')
})

it('is not about rights where a method that needs none brought no answer', async () => {
  expect(await obstacleAfter('missing-capability', 'missing-capability', 'unanswered')).toBe('unanswered')
})

function obstacleOf(code: string): Obstacle {
  const refuse = () => {
    throw Object.assign(new Error(`bind: ${code}`), { code })
  }
  return caught(() => refusedAs('the tap', refuse)).obstacle
}

/** When the methods failed like this, one after the other. */
async function obstacleAfter(...obstacles: Obstacle[]): Promise<Obstacle> {
  const asking = byFirstMethod(async method => {
    throw new NoVantage(obstacles[INJECTION_METHODS.indexOf(method)] ?? 'refused', method)
  })
  const error = await asking.catch(error => error)
  expect(error).toBeInstanceOf(NoVantage)
  return error.obstacle
}

function caught(act: () => unknown): NoVantage {
  try {
    act()
  } catch (error) {
    if (error instanceof NoVantage) return error
  }
  throw new Error('nothing was refused')
}
