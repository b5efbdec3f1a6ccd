import { measureManyVips, measureNetlink, measureStartUp } from './apply.ts'
import { measureSysctlRepairs, measureVipRepairs } from './drift.ts'
import type { Measured } from './figure.ts'
import { measureHundred } from './hundred.ts'
import { measureIdle } from './idle.ts'
import { measureGlance, measureLoad, measureWeight } from './ipvs.ts'
import { measurePackaged } from './packaged.ts'
import { measureHealthChecks } from './peers.ts'
import { measureReload } from './reload.ts'
import { measureRemovals, measureSoonRemovals } from './removals.ts'
import { measureChecks, measureSilence } from './verify.ts'

/** Figures that are measured side by side. */
export interface Group {
  title: string
  /** Where this machine's kernel has no IPVS it is measured in a guest whose kernel has. */
  needs: 'namespaces' | 'ipvs'
  /** Builds what it needs, in network namespaces of its own, and takes it away again. */
  measure(): Promise<Measured[]>
}

/** By the names that `--only` takes, in the order in which they are measured and told. */
export const GROUPS: Readonly<Record<string, Group>> = {
  netlink: {
    title: '1,000 addresses and their host routes on lo, without the start of the process',
    needs: 'namespaces',
    measure: measureNetlink,
  },
  apply: {
    title: 'apply of 1,000 VIPs, the whole process',
    needs: 'namespaces',
    measure: measureManyVips,
  },
  'start-up': {
    title: 'nothing to do for one VIP, the whole process',
    needs: 'namespaces',
    measure: measureStartUp,
  },
  packaged: {
    title: 'the packages, and nothing to do for one VIP by the single executable, the whole process',
    needs: 'namespaces',
    measure: measurePackaged,
  },
  verify: {
    title: 'verify of one VIP on one NIC, the whole process',
    needs: 'namespaces',
    measure: measureChecks,
  },
  silence: { title: 'arp-silence of 100 VIPs on 4 NICs', needs: 'namespaces', measure: measureSilence },
  'vip-repair': {
    title: 'a VIP that is deleted, until it is back',
    needs: 'namespaces',
    measure: measureVipRepairs,
  },
  'sysctl-repair': {
    title: 'a sysctl of a NIC that is changed, until it is put right',
    needs: 'namespaces',
    measure: measureSysctlRepairs,
  },
  idle: {
    title: 'rs-agent run while nothing happens, for a minute with one look at everything',
    needs: 'namespaces',
    measure: measureIdle,
  },
  'ipvs-load': {
    title: 'load 1,000 services with 10 real servers each',
    needs: 'ipvs',
    measure: measureLoad,
  },
  'ipvs-glance': {
    title: 'is that table still as it was (glance), and what is all of it (table)',
    needs: 'ipvs',
    measure: measureGlance,
  },
  'ipvs-weight': {
    title: 'change one weight of those 10,000: one message to the kernel',
    needs: 'ipvs',
    measure: measureWeight,
  },
  reload: {
    title: 'reload of 1,000 services, each real server checked',
    needs: 'ipvs',
    measure: measureReload,
  },
  'health-checks': {
    title: 'HTTP checks of 1,000 real servers, one a second of each, for 5 s',
    needs: 'ipvs',
    measure: measureHealthChecks,
  },
  refused: {
    title: 'from the death of a real server to its removal, with a check a second: its port refuses',
    needs: 'ipvs',
    measure: () => measureRemovals('refuses'),
  },
  gone: {
    title: 'from the death of a real server to its removal, with a check a second: its host is gone',
    needs: 'ipvs',
    measure: () => measureRemovals('gone'),
  },
  'refused-soon': {
    title: 'from the death of a real server to its removal, with a check each 20 ms: its port refuses',
    needs: 'ipvs',
    measure: measureSoonRemovals,
  },
  hundred: {
    title: "100 real servers behind one director: bytes at the client for one on the director's NIC",
    needs: 'ipvs',
    measure: measureHundred,
  },
}

/** Those named in a list like `netlink,idle`, in our order; all of them when there is none. */
export function chosenGroups(list: string | undefined): string[] {
  const names = Object.keys(GROUPS)
  if (list === undefined) return names
  const chosen = list.split(',').map(name => name.trim())
  const unknown = chosen.find(name => !names.includes(name))
  if (unknown !== undefined) throw new Error(`there is no group ${unknown}; there are ${names.join(', ')}`)
  return names.filter(name => chosen.includes(name))
}
