import { describe, expect, it } from 'vitest'
import { apache, lines, nginx } from '../../agent/model/dialect.ts'
import { renderTemplate } from '../../agent/model/template.ts'

const TEMPLATE = '# kept\n{{#settings}}\n-{{key}} = {{value}}\n{{/settings}}\n'

describe('renderTemplate', () => {
  it('writes one line per item', () => {
    const settings = [{ key: 'net/ipv4/conf/eth0.100/arp_ignore', value: 1 }]
    expect(renderTemplate(TEMPLATE, { settings }, lines)).toBe(
      '# kept\n-net/ipv4/conf/eth0.100/arp_ignore = 1\n',
    )
  })

  it('writes an inverted section where the list is empty, and only there', () => {
    const text = '{{^listens}}none{{/listens}}{{#listens}}{{listen}} {{/listens}}'
    expect(renderTemplate(text, { listens: [] }, lines)).toBe('none')
    expect(renderTemplate(text, { listens: [{ listen: 80 }, { listen: 81 }] }, lines)).toBe('80 81 ')
  })

  it('gives an item the values around it as well', () => {
    const values = { port: 80, vips: [{ vip: '10.10.10.100' }] }
    expect(renderTemplate('{{#vips}}{{vip}}:{{port}}{{/vips}}', values, lines)).toBe('10.10.10.100:80')
  })

  it.each([
    ['{{oops}}', '{{oops}}, which does not exist; there are port, vips'],
    ['{{#vips}}{{oops}}{{/vips}}', '{{oops}}, which does not exist'],
    ['{{^none}}{{/none}}', '{{none}}, which does not exist'],
    ['{{constructor}}', '{{constructor}}, which does not exist'],
    ['{{vips.length}}', '{{vips.length}}, which does not exist'],
    ['{{.}}', '{{.}}, which does not exist'],
    ['{{vips}}', 'the list {{vips}} as if it were a value'],
    ['{{#port}}x{{/port}}', 'the value {{port}} as if it were a list'],
    ['{{^port}}x{{/port}}', 'the value {{port}} as if it were a list'],
  ])('refuses %s, a name for which there is nothing', (text, message) => {
    const values = { port: 80, vips: [{ vip: '10.10.10.100' }] }
    expect(() => renderTemplate(text, values, lines)).toThrow(message)
  })

  it.each(['{{{port}}}', '{{&port}}', '{{> port}}', '{{=<% %>=}}<%port%>'])(
    'refuses %s, a way around the quoting',
    text => {
      expect(() => renderTemplate(text, { port: 80 }, lines)).toThrow('the template uses the tag')
    },
  )

  it('says in which line of the template the mistake is', () => {
    expect(() => renderTemplate('a\n{{#vips}}\nb\n{{oops}}{{/vips}}', { vips: [{}] }, lines)).toThrow(
      'line 4 of the template',
    )
  })

  it('says of a template that is none why', () => {
    expect(() => renderTemplate('a\n{{#vips}}\nb', { vips: [] }, lines)).toThrow(
      /^line 3 of the template is broken: Unclosed section "vips"$/,
    )
  })

  it('says which value cannot be expressed', () => {
    const settings = [{ key: 'a\nkernel/panic', value: 1 }]
    expect(() => renderTemplate(TEMPLATE, { settings }, lines)).toThrow(
      'cannot express {{key}}, "a\\nkernel/panic": it holds a control character',
    )
  })

  it.each([
    ['nginx', nginx, 'root {{root}};', 'root "/srv";'],
    ['nginx', nginx, 'if (-f {{root}}) {', 'if (-f "/srv") {'],
    ['nginx', nginx, 'a{{#list}} {{root}}{{/list}};', 'a "/srv" "/srv";'],
    ['nginx', nginx, "log_format a '\"b' {{root}};", 'log_format a \'"b\' "/srv";'],
    ['nginx', nginx, "# don't {{root}}", '# don\'t "/srv"'],
    ['nginx', nginx, "# don't\nroot {{root}}", '# don\'t\nroot "/srv"'],
    ['nginx', nginx, 'a "\\"" {{root}}', 'a "\\"" "/srv"'],
    ['Apache', apache, '<Directory {{root}}>', '<Directory "/srv">'],
    ['Apache', apache, 'Alias "/a b" {{root}}', 'Alias "/a b" "/srv"'],
    ['Apache', apache, "# don't\nAlias /a {{root}}", '# don\'t\nAlias /a "/srv"'],
    ['Apache', apache, 'Alias \\\n {{root}}', 'Alias \\\n "/srv"'],
  ])('has %s read a value as a word of its own', (_, dialect, text, rendered) => {
    expect(renderTemplate(text, { root: '/srv', list: [{}, {}] }, dialect)).toBe(rendered)
  })

  it.each([
    ['nginx', nginx, 'root /www{{root}};'],
    ['nginx', nginx, 'return 200 "ok {{root}}";'],
    ['nginx', nginx, "return 200 'ok {{root}}';"],
    ['nginx', nginx, 'return 200 "ok\n {{root}}";'],
    ['nginx', nginx, 'return 200 "a" "b\\" {{root}}";'],
    ['nginx', nginx, 'a "b"{{root}};'],
    ['nginx', nginx, 'a {{root}}{{root}};'],
    ['nginx', nginx, 'a{{#list}} " {{root}}{{/list}};'],
    ['Apache', apache, 'Alias /a{{root}}'],
    ['Apache', apache, 'ErrorDocument 503 "a {{root}}"'],
    ['Apache', apache, '<If "-f \'{{root}}\'">'],
    ['Apache', apache, 'a \\\n"b \\\n {{root}}"'],
    ['Apache', apache, 'a "b"{{root}}'],
    ['Apache', apache, 'a "b\\" {{root}}"'],
    ['Apache', apache, "a 'b\\' {{root}}'"],
  ])('refuses, for %s, a value where its quotes would end too early', (_, dialect, text) => {
    expect(() => renderTemplate(text, { root: '/srv', list: [{}, {}] }, dialect)).toThrow(
      'inside a word or quotes',
    )
  })
})
