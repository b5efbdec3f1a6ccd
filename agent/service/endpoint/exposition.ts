// The whole of prom-client takes 9 MB, for a push gateway, clusters and OpenTelemetry; these three take 1 MB.
import Counter from 'prom-client/lib/counter.js'
import Gauge from 'prom-client/lib/gauge.js'
import Registry from 'prom-client/lib/registry.js'
import { type Family, gauge } from './family.ts'

/** Each set of labels is a series that Prometheus keeps for weeks: a name has not more of them than that. */
const MOST_SAMPLES = 2_000
const LONGEST_LABEL = 200

export const CONTENT_TYPE = Registry.PROMETHEUS_CONTENT_TYPE

/** The text that Prometheus reads. Names without samples are left out; how many samples were too many is told. */
export async function expose(families: readonly Family[]): Promise<string> {
  const registry = new Registry()
  const registers = [registry]
  for (const family of [...families, leftOut(families)]) {
    const { name, help, type, samples } = family
    const kept = samples.slice(0, MOST_SAMPLES)
    if (kept[0] === undefined) continue
    const options = { name, help, labelNames: Object.keys(kept[0].labels), registers }
    const add = type === 'counter' ? adderOfCounter(options) : adderOfGauge(options)
    for (const { labels, value } of kept) add(shortened(labels), value)
  }
  return registry.metrics()
}

interface Options {
  name: string
  help: string
  labelNames: string[]
  registers: Registry[]
}

type Add = (labels: Record<string, string>, value: number) => void

function adderOfCounter(options: Options): Add {
  const counter = new Counter(options)
  return (labels, value) => counter.inc(labels, value)
}

function adderOfGauge(options: Options): Add {
  const gauge = new Gauge(options)
  return (labels, value) => gauge.set(labels, value)
}

function leftOut(families: readonly Family[]): Family {
  return gauge(
    'rs_agent_samples_left_out',
    `Samples of a metric beyond the first ${MOST_SAMPLES}.`,
    families
      .filter(({ samples }) => samples.length > MOST_SAMPLES)
      .map(({ name, samples }) => ({ labels: { metric: name }, value: samples.length - MOST_SAMPLES })),
  )
}

function shortened(labels: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(labels).map(([name, value]) => [name, value.slice(0, LONGEST_LABEL)]),
  )
}
