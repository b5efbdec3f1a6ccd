import { Namespace } from './namespace.ts'

/** What a test may need that not every kernel has, and the `ip` commands that tell. */
const trials = {
  vlan: ['link add trial type veth', 'link add link trial name vlan type vlan id 5'],
  'bridge with VLANs': ['link add trial type bridge vlan_filtering 1'],
  bond: ['link add trial type bond mode active-backup'],
  lacp: ['link add trial type bond mode 802.3ad'],
  vrf: ['link add trial type vrf table 5'],
} as const

export type KernelFeature = keyof typeof trials

/** The features of the running kernel, found by using them in namespaces that go with the question. */
export async function kernelFeatures(): Promise<ReadonlySet<KernelFeature>> {
  const features = Object.keys(trials) as KernelFeature[]
  const works = await Promise.all(features.map(worksHere))
  return new Set(features.filter((_, index) => works[index]))
}

async function worksHere(feature: KernelFeature): Promise<boolean> {
  await using namespace = await Namespace.open()
  for (const command of trials[feature]) {
    const { exitCode } = await namespace.spawn('ip', command.split(' '))
    if (exitCode !== 0) return false
  }
  return true
}
