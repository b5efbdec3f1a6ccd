import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { execa } from 'execa'
import type { Kernel } from './kernel.ts'

export interface MachineOptions {
  kernel: Kernel
  /** A folder that holds `initramfs`, and that the guest may write. */
  exchange: string
  /** A shell script of the file system that the guest shares with this machine. */
  firstProgram: string
}

export interface Machine {
  /** What the guest writes to its second serial port. */
  answers: Readable
  ask(line: string): void
  /** What the guest's kernel said. */
  console(): string
  kill(): void
  /** How it ended; does not reject. */
  ended: Promise<string>
}

/** An emulated PC: hardware that virtualises is rare where tests run. The kernel ends it with this process. */
export function startMachine({ kernel, exchange, firstProgram }: MachineOptions): Machine {
  const consoleFile = join(exchange, 'console')
  const emulator = [
    'qemu-system-x86_64',
    // One CPU: emulated, several need atomic instructions everywhere, and cost more than they bring.
    ...['-accel', 'tcg,thread=single,tb-size=512', '-smp', '1', '-m', '2G'],
    // Its clock counts instructions, 2^0 ns each, and follows ours only while it has nothing to do: to itself it is
    // a machine of one speed, on which what should take a second does, however busy this one is.
    ...['-icount', 'shift=0'],
    // A plain CPU: vectors longer than 16 bytes are emulated slowly. rdrand: else random numbers come late.
    ...['-M', 'q35', '-cpu', 'qemu64,+rdrand', '-bios', 'bios-microvm.bin', '-no-reboot'],
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-nic', 'none'],
    ...['-serial', `file:${consoleFile}`],
    ...['-chardev', 'stdio,id=control,signal=off', '-serial', 'chardev:control'],
    ...['-kernel', kernel.vmlinux, '-initrd', join(exchange, 'initramfs')],
    ...['-append', `${kernelOptions} -- ${firstProgram}`],
    // multidevs: several file systems of this machine are one in the guest, and their inode numbers collide.
    ...share('outside', '/', ',readonly=on,multidevs=remap'),
    ...share('exchange', exchange, ''),
  ]
  const child = execa('setpriv', ['--pdeathsig', 'KILL', ...lastInLine, ...emulator], {
    reject: false,
    buffer: { stdout: false },
  })
  // A question to a guest that has just died: `ended` says so.
  child.stdin.on('error', () => {})
  return {
    answers: child.stdout,
    ask: line => child.stdin.write(`${line}\n`),
    console: () => (existsSync(consoleFile) ? readFileSync(consoleFile, 'utf8') : ''),
    kill: () => child.kill('SIGKILL'),
    ended: child.then(({ exitCode, signal, stderr }) =>
      `${signal ?? `exit code ${exitCode}`} ${stderr}`.trim(),
    ),
  }
}

// What runs beside a guest is in a hurry, and the guest, by its own clock, never is.
const lastInLine = ['nice', '-n', '5']

// A panic ends the guest: nothing waits for one that is dead. Mitigations protect nobody here, and cost.
// norandmaps: code that lies at the same address in every process is translated once, not once in each.
const kernelOptions = [
  'console=ttyS0 quiet',
  'panic=-1 oops=panic',
  'mitigations=off nokaslr norandmaps',
  'cryptomgr.notests random.trust_cpu=on',
].join(' ')

function share(tag: string, path: string, options: string): string[] {
  const device = ['-device', `virtio-9p-pci,fsdev=${tag},mount_tag=${tag}`]
  return ['-fsdev', `local,id=${tag},path=${path},security_model=none${options}`, ...device]
}
