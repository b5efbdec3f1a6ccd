/** What Prometheus keeps under one name. */
export interface Family {
  type: 'gauge' | 'counter'
  name: string
  help: string
  samples: Sample[]
}

export interface Sample {
  labels: Record<string, string>
  value: number
}

/** What goes up and down. */
export function gauge(name: string, help: string, samples: Sample[]): Family {
  return { type: 'gauge', name, help, samples }
}

/** What only goes up; samples with the same labels are added up. */
export function counter(name: string, help: string, samples: Sample[]): Family {
  return { type: 'counter', name, help, samples }
}

/** Of something that this host has one of. */
export function single(value: number): Sample[] {
  return [{ labels: {}, value }]
}
