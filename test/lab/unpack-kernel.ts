/**
 * `node unpack-kernel.ts VMLINUZ VMLINUX`: takes the ELF kernel out of a bzImage. Emulated, the kernel would
 * need seconds to unpack itself, at every boot.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { zstdDecompressSync } from 'node:zlib'

const [image = '', elf = ''] = process.argv.slice(2)
writeFileSync(elf, unpack(payloadOf(readFileSync(image))))

/** Offsets of the setup header: Documentation/arch/x86/boot.rst. */
function payloadOf(bzImage: Buffer): Buffer {
  const setupSectors = bzImage.readUInt8(0x1f1) || 4
  const start = (setupSectors + 1) * 512 + bzImage.readUInt32LE(0x248)
  const end = start + bzImage.readUInt32LE(0x24c)
  // The build appends the unpacked size, 4 bytes that are no part of the stream.
  return bzImage.subarray(start, end - 4)
}

function unpack(payload: Buffer): Buffer {
  const magic = payload.toString('hex', 0, 4)
  if (magic === '28b52ffd') return zstdDecompressSync(payload)
  if (magic === 'fd377a58')
    return execFileSync('xz', ['--decompress', '--stdout'], { input: payload, maxBuffer: 2 ** 30 })
  throw new Error(`${image} is packed in a way unknown here: it starts with ${magic}`)
}
