import { fileURLToPath } from 'node:url'
import type { Plugin } from 'rolldown'

/** npm netlink looks for its addon in its own package folder; in a bundle it comes with the program. */
export const netlinkAddonOfProgram: Plugin = {
  name: 'netlink-addon-of-program',
  resolveId: id => (id === 'node-gyp-build' ? `\0${id}` : null),
  load: id => (id === '\0node-gyp-build' ? LOAD_NETLINK_ADDON : null),
}

const OWN_FILES = fileURLToPath(new URL('../host/own-files.ts', import.meta.url))
const LOAD_NETLINK_ADDON = `
const { loadOwnAddon } = require(${JSON.stringify(OWN_FILES)})
module.exports = () => loadOwnAddon('netlink.node')`
