/**
 * An object file (ELF64, little-endian, of the BPF machine) with one XDP program that lets everything pass, as
 * `ip link set … xdp obj FILE sec xdp` loads it. Numbers of elf.h and linux/elf-em.h.
 */
export function xdpObjectFile(): Buffer {
  const sections: Section[] = [
    { name: 'xdp', type: SHT_PROGBITS, flags: SHF_ALLOC | SHF_EXECINSTR, data: PASS },
    { name: 'license', type: SHT_PROGBITS, flags: SHF_ALLOC, data: Buffer.from('GPL\0') },
    {
      name: '.symtab',
      type: SHT_SYMTAB,
      flags: 0,
      data: symbols(),
      link: 4,
      info: 1,
      entryBytes: SYMBOL_BYTES,
    },
    { name: '.strtab', type: SHT_STRTAB, flags: 0, data: Buffer.from(NAMES) },
  ]
  let offset = HEADER_BYTES
  const headers = sections.map(section => {
    const header = sectionHeader(section, offset)
    offset += padded(section.data).length
    return header
  })
  return Buffer.concat([
    fileHeader(offset, sections.length + 1),
    ...sections.map(({ data }) => padded(data)),
    // The first one means no section.
    Buffer.alloc(HEADER_BYTES),
    ...headers,
  ])
}

interface Section {
  name: string
  type: number
  flags: number
  data: Buffer
  link?: number
  info?: number
  entryBytes?: number
}

/** r0 = XDP_PASS; exit */
const PASS = Buffer.from('b700000002000000' + '9500000000000000', 'hex')
const NAMES = '\0xdp\0license\0.symtab\0.strtab\0pass\0'
const SHT_PROGBITS = 1
const SHT_SYMTAB = 2
const SHT_STRTAB = 3
const SHF_ALLOC = 2
const SHF_EXECINSTR = 4
const ET_REL = 1
const EM_BPF = 247
/** STB_GLOBAL, STT_FUNC */
const GLOBAL_FUNCTION = 0x12
/** Of the file's header and of a section's alike. */
const HEADER_BYTES = 64
const SYMBOL_BYTES = 24

function fileHeader(sectionsOffset: number, sectionCount: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES)
  header.set(Buffer.from('7f454c46020101', 'hex'))
  header.writeUInt16LE(ET_REL, 16)
  header.writeUInt16LE(EM_BPF, 18)
  header.writeUInt32LE(1, 20)
  header.writeBigUInt64LE(BigInt(sectionsOffset), 40)
  header.writeUInt16LE(HEADER_BYTES, 52)
  header.writeUInt16LE(HEADER_BYTES, 58)
  header.writeUInt16LE(sectionCount, 60)
  // The names of the sections are in the last one.
  header.writeUInt16LE(sectionCount - 1, 62)
  return header
}

function sectionHeader(section: Section, offset: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeUInt32LE(nameOffset(section.name), 0)
  header.writeUInt32LE(section.type, 4)
  header.writeBigUInt64LE(BigInt(section.flags), 8)
  header.writeBigUInt64LE(BigInt(offset), 24)
  header.writeBigUInt64LE(BigInt(section.data.length), 32)
  header.writeUInt32LE(section.link ?? 0, 40)
  header.writeUInt32LE(section.info ?? 0, 44)
  header.writeBigUInt64LE(BigInt(ALIGNMENT), 48)
  header.writeBigUInt64LE(BigInt(section.entryBytes ?? 0), 56)
  return header
}

/** No symbol, and behind it the function that the first section is. */
function symbols(): Buffer {
  const table = Buffer.alloc(2 * SYMBOL_BYTES)
  table.writeUInt32LE(nameOffset('pass'), SYMBOL_BYTES)
  table.writeUInt8(GLOBAL_FUNCTION, SYMBOL_BYTES + 4)
  table.writeUInt16LE(1, SYMBOL_BYTES + 6)
  table.writeBigUInt64LE(BigInt(PASS.length), SYMBOL_BYTES + 16)
  return table
}

const ALIGNMENT = 8

function padded(data: Buffer): Buffer {
  return Buffer.concat([data, Buffer.alloc(-data.length & (ALIGNMENT - 1))])
}

function nameOffset(name: string): number {
  return NAMES.indexOf(`\0${name}\0`) + 1
}
