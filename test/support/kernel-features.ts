import { Namespace } from './namespace.ts'

/** What a test may need that not every kernel has, and the commands that tell. */
const trials = {
  vlan: ['ip link add trial type veth', 'ip link add link trial name vlan type vlan id 5'],
  'bridge with VLANs': ['ip link add trial type bridge vlan_filtering 1'],
  bond: ['ip link add trial type bond mode active-backup'],
  lacp: ['ip link add trial type bond mode 802.3ad'],
  vrf: ['ip link add trial type vrf table 5'],
  // Linux 5.16.
  'egress hook': [
    'nft add table netdev trial',
    'nft add chain netdev trial trial { type filter hook egress device lo priority 0; }',
  ],
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
    const [program = '', ...args] = command.split(' ')
    const { exitCode } = await namespace.spawn(program, args)
    if (exitCode !== 0) return false
  }
  return true
}
