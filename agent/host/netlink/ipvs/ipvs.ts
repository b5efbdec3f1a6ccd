import { serviceText } from '../../../model/ipvs.ts'
import { whyNotDaemon, whyNotTimeouts } from '../../../model/ipvs-limits.ts'
import type { Ipvs } from '../../ipvs.ts'
import { withoutIpvs } from '../../without-ipvs.ts'
import { NetlinkConnection, NOTHING } from '../connection.ts'
import { findFamily, NETLINK_GENERIC } from '../generic-netlink.ts'
import { BatchRejection } from '../rejection.ts'
import { bytesOf } from '../wire.ts'
import {
  commandWords,
  encodeCommand,
  FAMILY_NAME,
  IPVS_CMD_DEL_DAEMON,
  IPVS_CMD_GET_CONFIG,
  IPVS_CMD_GET_DAEMON,
  IPVS_CMD_GET_INFO,
  IPVS_CMD_GET_SERVICE,
  IPVS_CMD_NEW_DAEMON,
  IPVS_CMD_SET_CONFIG,
  IPVS_CMD_ZERO,
} from './commands.ts'
import { decodeDaemon, encodeDaemon, encodeDaemonRole } from './daemon.ts'
import { checkEdits, explainEdits, requestsOf } from './edits.ts'
import { glancer } from './glance.ts'
import { absentWhen, explained, refuse } from './refusal.ts'
import { decodeService, encodeServiceKey } from './service.ts'
import { decodeInfo, decodeTimeouts, encodeTimeouts } from './settings.ts'
import { readDestinations, readServices, readTable } from './table.ts'

const GET_SERVICE = commandWords(IPVS_CMD_GET_SERVICE)
const ZERO = commandWords(IPVS_CMD_ZERO)

/** The kernel's own, over generic netlink. */
export async function openKernelIpvs(): Promise<Ipvs> {
  const connection = new NetlinkConnection(NETLINK_GENERIC)
  const glance = glancer()

  /** Asked before every piece of work: the number is another when the module was loaded again. */
  async function family(): Promise<number> {
    const found = await findFamily(connection, FAMILY_NAME)
    if (found === null) throw withoutIpvs()
    return found
  }

  async function ask(body: Buffer): Promise<Buffer> {
    return connection.query(await family(), body)
  }

  async function tell(body: Buffer): Promise<void> {
    await connection.change([{ type: await family(), flags: 0, body }])
  }

  const ipvs: Ipvs = {
    info: () =>
      explained('ask for the version of IPVS', async () =>
        decodeInfo(await ask(encodeCommand(IPVS_CMD_GET_INFO))),
      ),
    services: () => explained('read the services', async () => readServices(connection, await family())),
    service: key =>
      explained(`read the service ${serviceText(key)}`, async () => {
        const answer = await ask(bytesOf(encodeServiceKey(GET_SERVICE, key))).catch(absentWhen('ESRCH'))
        return answer === null ? null : decodeService(answer)
      }),
    destinations: key =>
      explained(`read the real servers of ${serviceText(key)}`, async () =>
        readDestinations(connection, await family(), key),
      ),
    table: () => explained('read the table of services', async () => readTable(connection, await family())),
    glance: async () => glance(),
    async edit(edits) {
      await explained('change the table of services', async () => {
        checkEdits(edits)
        await connection.change(requestsOf(edits, await family())).catch(async error => {
          if (!(error instanceof BatchRejection)) throw error
          // An unknown family is refused with the same errno as an unknown scheduler.
          await family()
          throw explainEdits(error, edits)
        })
      })
    },
    timeouts: () =>
      explained('read the timeouts', async () =>
        decodeTimeouts(await ask(encodeCommand(IPVS_CMD_GET_CONFIG))),
      ),
    async setTimeouts(timeouts) {
      refuse('set the timeouts', whyNotTimeouts(timeouts))
      await explained('set the timeouts', () =>
        tell(encodeCommand(IPVS_CMD_SET_CONFIG, ...encodeTimeouts(timeouts))),
      )
    },
    daemons: () =>
      explained('read the sync daemons', async () =>
        (await connection.dump(await family(), encodeCommand(IPVS_CMD_GET_DAEMON))).map(decodeDaemon),
      ),
    async startDaemon(daemon) {
      const doing = `start the ${daemon.role} sync daemon on ${daemon.interface}`
      refuse(doing, whyNotDaemon(daemon))
      await explained(doing, () => tell(encodeCommand(IPVS_CMD_NEW_DAEMON, encodeDaemon(daemon))))
    },
    stopDaemon: role =>
      explained(`stop the ${role} sync daemon`, async () => {
        const body = encodeCommand(IPVS_CMD_DEL_DAEMON, encodeDaemonRole(role))
        // Linux 5.10 stops a daemon that has had no time to run yet, and ends in EINTR.
        await connection.change([{ type: await family(), flags: 0, body }, NOTHING])
      }),
    zero: key =>
      explained(`set the counters${key === undefined ? '' : ` of ${serviceText(key)}`} to 0`, () =>
        tell(key === undefined ? bytesOf(ZERO) : bytesOf(encodeServiceKey(ZERO, key))),
      ),
    close: () => connection.close(),
  }

  try {
    await family()
  } catch (error) {
    // An open socket would keep the process from ending.
    connection.close()
    throw error
  }
  return ipvs
}
