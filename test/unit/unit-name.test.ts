import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { unitNameOf } from '../../agent/model/unit-name.ts'

describe('unitNameOf', () => {
  it.each([
    ['/var/www/html', 'var-www-html.mount'],
    ['/srv/my-pages', 'srv-my\\x2dpages.mount'],
    ['/srv/a b', 'srv-a\\x20b.mount'],
    ['/.hidden/.too', '\\x2ehidden-.too.mount'],
    ['/srv/grün', 'srv-gr\\xc3\\xbcn.mount'],
    ['/srv/50%\\', 'srv-50\\x25\\x5c.mount'],
    ['/', '-.mount'],
  ])('calls the mount unit of %s %s', (path, name) => {
    expect(unitNameOf(path, 'mount')).toBe(name)
  })

  it('agrees with systemd-escape on any path', () => {
    const part = fc
      .string({ unit: fc.constantFrom(...'ab09_:.-\\ %@\'"{}[]~ü€😀'), minLength: 1, maxLength: 9 })
      .filter(text => text !== '.' && text !== '..')
    const paths = fc.sample(
      fc.array(part, { minLength: 1, maxLength: 4 }).map(parts => `/${parts.join('/')}`),
      300,
    )
    const escaped = execFileSync('systemd-escape', ['--path', '--suffix=automount', '--', ...paths], {
      encoding: 'utf8',
    })
    // One for each, with a space between them: there is none in an escaped name.
    expect(paths.map(path => unitNameOf(path, 'automount'))).toEqual(escaped.trim().split(' '))
  })
})
