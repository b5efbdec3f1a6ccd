import { parseNic, parseRealServers, parseVips } from './answers.ts'
import { renderConfiguration } from './render.ts'

/** Configurations as init writes them, for the manual. */
export const EXAMPLES = [
  {
    title: 'A real server',
    text: renderConfiguration({
      role: 'real-server',
      vips: parseVips('10.10.10.100:80/tcp', 'VIP'),
      directors: parseRealServers('10.10.10.11', 'director'),
    }),
  },
  {
    title: 'A director',
    text: renderConfiguration({
      role: 'director',
      vips: parseVips('10.10.10.100:80/tcp', 'VIP'),
      realServers: parseRealServers('10.10.10.12,10.10.10.13', 'real servers'),
      interface: parseNic('eth0', 'NIC'),
    }),
  },
]
