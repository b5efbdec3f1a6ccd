import { describe, expect, it } from 'vitest'
import { renderTemplate } from '../../agent/model/template.ts'

const TEMPLATE = '# kept\n{{#settings}}\n-{{key}} = {{value}}\n{{/settings}}\n'

describe('renderTemplate', () => {
  it('writes one line per item and escapes nothing that a config file needs', () => {
    const settings = [{ key: 'net/ipv4/conf/eth0.100/arp_ignore', value: 1 }]
    expect(renderTemplate(TEMPLATE, { settings })).toBe('# kept\n-net/ipv4/conf/eth0.100/arp_ignore = 1\n')
  })

  it('refuses a variable that does not exist', () => {
    expect(() => renderTemplate('{{oops}}', {})).toThrow('{{oops}}')
    expect(() =>
      renderTemplate(TEMPLATE.replace('value', 'valeu'), { settings: [{ key: 'a', value: 1 }] }),
    ).toThrow('{{valeu}}')
  })

  it('refuses a value that would leave its line', () => {
    expect(() => renderTemplate(TEMPLATE, { settings: [{ key: 'a\nkernel/panic', value: 1 }] })).toThrow(
      'control character',
    )
  })
})
