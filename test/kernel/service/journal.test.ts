import { fstatSync } from 'node:fs'
import { expect, test } from 'vitest'
import { encodeEntry, openJournal } from '../../../agent/service/journal.ts'
import { DatagramListener } from '../../support/datagram-listener.ts'

const { dev, ino } = fstatSync(process.stdout.fd, { bigint: true })
const OWN_STDOUT = { JOURNAL_STREAM: `${dev}:${ino}` }

test('writes entries with the VIP that they are about', async () => {
  await using journald = await DatagramListener.open()
  const write = openJournal(OWN_STDOUT, journald.path)
  write?.({ level: 'warning', subject: '10.10.10.100/32 on lo', message: 'bound again' })
  expect((await journald.text()).split('\n')).toEqual([
    'MESSAGE=10.10.10.100/32 on lo: bound again',
    'PRIORITY=4',
    'SYSLOG_IDENTIFIER=rs-agent',
    'RS_AGENT_SUBJECT=10.10.10.100/32 on lo',
    'RS_AGENT_VIP=10.10.10.100',
    '',
  ])
  write?.({ level: 'info', subject: '', message: 'began' })
  expect(await journald.text()).toBe('MESSAGE=began\nPRIORITY=6\nSYSLOG_IDENTIFIER=rs-agent\n')
})

test('writes a text of several lines by its length', () => {
  const bytes = encodeEntry({ level: 'info', subject: '', message: 'ä\nb' })
  expect(bytes.subarray(0, 21)).toEqual(
    Buffer.concat([Buffer.from('MESSAGE\n'), Buffer.from([4, 0, 0, 0, 0, 0, 0, 0]), Buffer.from('ä\nb\n')]),
  )
})

test.for([{}, { JOURNAL_STREAM: '8:1' }, { JOURNAL_STREAM: '' }])(
  'is not there where stdout goes elsewhere: %o',
  env => {
    expect(openJournal(env)).toBeNull()
  },
)
