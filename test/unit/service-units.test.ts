import { expect, it } from 'vitest'
import type { Config } from '../../agent/config/load.ts'
import { type Program, renderUnits } from '../../agent/service/units.ts'

const PROGRAM: Program = {
  command: ['/usr/bin/node', '/usr/local/lib/rs-agent/rs-agent.js'],
  configFile: null,
}
/** That it is there is all that counts. */
const DIRECTOR = { director: {} as NonNullable<Config['director']> }

function unit(program: Partial<Program> = {}, roles: Pick<Config, 'director'> = {}): string {
  const [, service] = renderUnits('/nowhere', { ...PROGRAM, ...program }, roles)
  return service?.content ?? ''
}

it('runs this program by this Node.js, with no more options than it was told', () => {
  expect(unit()).toContain('\nExecStart=/usr/bin/node /usr/local/lib/rs-agent/rs-agent.js run\n')
  expect(unit({ configFile: '/etc/rs.yaml' })).toContain('rs-agent.js --config /etc/rs.yaml run\n')
})

it('keeps a path one word, whatever is in it', () => {
  expect(unit({ command: ['/opt/my agent/100%.js'] })).toContain(
    '\nExecStart=/opt/my\\x20agent/100%%.js run\n',
  )
  expect(() => unit({ command: ['/opt/$HOME/rs-agent.js'] })).toThrow(/template systemd\/rs-agent\.service:/)
})

it('may load kernel modules for a director alone', () => {
  expect(unit()).toContain('\nProtectKernelModules=yes\n')
  expect(unit()).not.toContain('CAP_SYS_MODULE')
  expect(unit({}, DIRECTOR)).toContain('\nCapabilityBoundingSet=CAP_SYS_MODULE\n')
  expect(unit({}, DIRECTOR)).not.toContain('ProtectKernelModules')
})

it('silences the host before networks are set up, and serves before web servers do', () => {
  const [silence, service] = renderUnits('/nowhere', PROGRAM, {})
  expect(silence?.path).toBe('etc/systemd/system/rs-agent-silence.service')
  expect(silence?.content).toMatch(/^Before=network-pre\.target /m)
  expect(service?.content).toMatch(/^After=rs-agent-silence\.service /m)
  expect(service?.content).toMatch(/^Before=apache2\.service httpd\.service nginx\.service$/m)
})
