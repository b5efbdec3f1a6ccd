import { fileURLToPath } from 'node:url'

const tree = fileURLToPath(new URL('../../node_modules/.cache/rs-agent-lab/nfs', import.meta.url))

/** Where programs find Debian's NFS tools, which fetch-nfs-tools.sh has unpacked and nobody has installed. */
export function nfsEnvironment(): Record<string, string> {
  const libraries = ['usr/lib', 'lib'].map(
    folder => `${tree}/${folder}/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`,
  )
  return {
    PATH: `${tree}/usr/sbin:${tree}/sbin:${process.env.PATH}`,
    LD_LIBRARY_PATH: libraries.join(':'),
  }
}
