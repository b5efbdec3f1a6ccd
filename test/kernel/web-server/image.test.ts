import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { DebianDisk } from '../../support/debian-system.ts'
import { startForThisProcess } from '../../support/namespace.ts'
import type { ChangeReport } from '../../support/rs-agent.ts'
import { Segment } from '../../support/segment.ts'
import { RIP, serverConfig } from '../../support/web-server-lab.ts'

const PROGRAM = fileURLToPath(new URL('../../../dist/rs-agent.js', import.meta.url))
const PACKAGES = fileURLToPath(
  new URL('../../../node_modules/.cache/rs-agent-lab/debian/packages', import.meta.url),
)

/** Each prints one document, or a page; the whole ends with what was started. */
const SCRIPT = `
  image=/run/root
  mount -o bind,ro ${PACKAGES} $image/srv/debian
  mkdir -p $image/etc/rs-agent $image/var/www/html
  echo 'our page' >$image/var/www/html/index.html
  printf %s "$CONFIG" >$image/etc/rs-agent/config.yaml
  agent() { ${process.execPath} ${PROGRAM} --root $image --json "$@" || echo "{ \\"exit\\": $? }"; printf '\\0'; }
  agent apply
  curl -sS http://${RIP}/; printf '\\0'
  agent plan
  agent drain --no-wait
  curl -sS -o /dev/null -w '%{http_code}' http://${RIP}/.rs-agent/ready; printf '\\0'
  agent undrain
  agent remove --purge
  ls $image/usr/sbin/policy-rc.d $image/etc/apache2 2>/dev/null || :
  ps -C apache2 -o comm= || :
`

it('makes a web server of the image of a host below --root, by its own programs, and takes it back', async () => {
  await using segment = await Segment.build()
  const network = await segment.addHost('rs1', `${RIP}/24`)
  await using disk = await DebianDisk.make({ name: 'rs1', address: `${RIP}/24` })
  const namespaces = [`--mount=/proc/${disk.pid}/ns/mnt`, `--net=/proc/${network.namespace.pid}/ns/net`]
  const own = ['unshare', '--pid', '--fork', '--kill-child', '--mount', '--mount-proc']
  const { stdout, stderr } = await startForThisProcess(
    'nsenter',
    [...namespaces, '--', ...own, 'sh', '-uc', SCRIPT],
    { input: '', env: { CONFIG: serverConfig('server: apache') } },
  )
  const [applied, page, planned, drained, status, undrained, removed, left] = stdout.split('\0')
  const parse = <Document>(text = ''): Document => {
    expect(text, stderr).toMatch(/^\s*\{/)
    return JSON.parse(text)
  }

  const { changes, ...rest } = parse<ChangeReport>(applied)
  expect(rest).toMatchObject({
    converged: true,
    notes: [expect.stringMatching(/^systemd does not run here: apache is started by its own commands/)],
  })
  expect(changes.map(({ action, subject }) => `${action} ${subject}`)).toEqual(
    expect.arrayContaining(['install apache2', 'start apache']),
  )
  expect(page?.trim()).toBe('our page')
  expect(parse(planned)).toMatchObject({ changes: [] })
  expect(parse(drained)).toMatchObject({ drained: true })
  expect(status).toBe('503')
  expect(parse(undrained)).toMatchObject({ drained: false, changed: true })
  expect(parse(removed)).toMatchObject({ converged: true })
  expect(left?.trim()).toBe('')
})
