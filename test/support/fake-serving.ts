import type { Files } from '../../agent/host/files.ts'
import type { Host } from '../../agent/host/host.ts'
import type { FoundWebServer, ServedSite } from '../../agent/host/web-servers.ts'
import type { WebServerPlace } from '../../agent/model/distribution.ts'
import type { Mount } from '../../agent/model/mount.ts'

/** What a fake host mounts and runs. */
export interface FakeServing {
  mounts: Mount[]
  /** Units that start at boot, those of web servers too. */
  bootUnits: string[]
  /** By unit; `loaded` is the revision in the site that it read last, null when that was not there. */
  running: Record<string, { loaded: string | null }>
  automounts: boolean
}

export const NOTHING_SERVED: FakeServing = { mounts: [], bootUnits: [], running: {}, automounts: true }

type Parts = Pick<Host, 'commands' | 'mounts' | 'initSystem' | 'webServers'>

/** A service starter, mounts and web servers in memory, as strict as the real ones. */
export function fakeServing(
  state: () => FakeServing,
  files: Files,
  change: (what: string, make: () => void) => void,
): Parts {
  const loadedBy = ({ site }: WebServerPlace): string | null =>
    /revision ([0-9a-f]{12})/.exec(files.readText(site) ?? '')?.[1] ?? null
  const judge = ({ site }: WebServerPlace): void => {
    if (files.readText(site)?.includes('broken') === true) throw new Error(`${site} is broken`)
  }
  return {
    commands: {
      run: async command => {
        throw new Error(`${command} is not part of this fake`)
      },
    },
    mounts: {
      list: () => structuredClone(state().mounts),
      mount: async (target, form) =>
        change(`mount ${target}`, () => {
          if (files.folder(target) === null) throw new Error(`ENOENT ${target}`)
          state().mounts.push({ target, ...form, options: asTheKernelTells(form.options) })
        }),
      unmount: async target =>
        change(`unmount ${target}`, () => {
          const index = state().mounts.findLastIndex(mount => mount.target === target)
          if (index === -1) throw new Error(`EINVAL ${target}`)
          state().mounts.splice(index, 1)
        }),
      ask: notPartOfThisFake,
      tryOut: notPartOfThisFake,
    },
    initSystem: {
      automounts: state().automounts,
      states: async names =>
        names.map(name => ({
          enabled: state().bootUnits.includes(name),
          active: state().running[name] !== undefined,
          masked: false,
        })),
      enable: async name =>
        change(`enable ${name}`, () => {
          if (state().bootUnits.includes(name)) throw new Error(`${name} is enabled`)
          state().bootUnits.push(name)
        }),
      disable: async name =>
        change(`disable ${name}`, () => {
          if (!state().bootUnits.includes(name)) throw new Error(`${name} is not enabled`)
          state().bootUnits = state().bootUnits.filter(each => each !== name)
        }),
      start: notPartOfThisFake,
      stop: async () => undefined,
      reload: notPartOfThisFake,
      readFilesAgain: async () => undefined,
    },
    webServers: {
      async find(place, { addresses: [address], port }): Promise<FoundWebServer> {
        const running = state().running[place.unit]
        const revision = running?.loaded ?? null
        return {
          enabled: state().bootUnits.includes(`${place.unit}.service`),
          running: running !== undefined,
          site: revision === null || address === undefined ? null : { revision, address, port },
          listens: [{ address: null, port: 80 }],
          portTakenBy: [],
          isMasked: false,
          isThere: true,
        }
      },
      test: async place => judge(place),
      async change(place, before, after) {
        if (before.enabled !== after.enabled)
          change(`switch ${place.unit} at boot`, () => {
            const others = state().bootUnits.filter(each => each !== `${place.unit}.service`)
            state().bootUnits = after.enabled ? [...others, `${place.unit}.service`] : others
          })
        change(`${place.unit} ${after.running ? 'runs' : 'stops'}`, () => {
          if (!after.running) delete state().running[place.unit]
          else {
            judge(place)
            state().running[place.unit] = { loaded: loadedBy(place) }
            refuseOther(state().running[place.unit]?.loaded ?? null, after.site)
          }
        })
      },
    },
  }
}

/** What was asked for comes back by other names, among options that nobody asked for. */
function asTheKernelTells(options: string): string {
  const told = options
    .replace(/\bnfsvers=/, 'vers=')
    .replace(/\bactimeo=(\d+)/, 'acregmin=$1,acregmax=$1,acdirmin=$1,acdirmax=$1')
    .replace(/,retry=\d+/, '')
  const more = ['relatime', 'namlen=255', 'addr=10.10.10.40'].filter(word => !told.includes(word))
  return [told, ...more].join(',')
}

function refuseOther(loaded: string | null, wanted: ServedSite | null): void {
  if (wanted !== null && loaded !== wanted.revision) throw new Error(`it serves ${loaded}`)
}

async function notPartOfThisFake(): Promise<never> {
  throw new Error('not part of this fake')
}
