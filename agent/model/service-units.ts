/** The units of the boot-time service. The early one comes first: it is started before the other, and goes after it. */
export const UNIT_NAMES = ['rs-agent-silence.service', 'rs-agent.service'] as const
export type UnitName = (typeof UNIT_NAMES)[number]
export const SERVICE_UNIT = 'rs-agent.service' satisfies UnitName
