//! bpf(2), as much of it as loading a program and running it once takes. The
//! layouts and numbers are those of include/uapi/linux/bpf.h.

use std::ffi::CStr;
use std::mem;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use libc::c_long;

use crate::call_error::{CallError, Result};

const PROG_LOAD: Command = Command(5, "BPF_PROG_LOAD");
const PROG_TEST_RUN: Command = Command(10, "BPF_PROG_TEST_RUN");

/// `enum bpf_cmd` and its name.
struct Command(c_long, &'static str);

/// `enum bpf_prog_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum ProgramType {
    /// A classifier of tc: runs on a socket buffer.
    SchedCls = 3,
    /// Runs on a frame before there is a socket buffer.
    Xdp = 6,
}

/// `struct bpf_insn`.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct Instruction {
    code: u8,
    /// Two fields of four bits, of which the low ones are the destination on a
    /// little-endian machine. No instruction here has a source register.
    registers: u8,
    offset: i16,
    immediate: i32,
}

impl Instruction {
    /// `r<register> = value`, all 64 bits: `BPF_ALU64 | BPF_MOV | BPF_K`.
    pub const fn set(register: u8, value: i32) -> Self {
        let registers = if cfg!(target_endian = "little") {
            register
        } else {
            register << 4
        };
        Self::new(0xb7, registers, value)
    }

    /// Calls a kernel function with r1 to r5; r0 is its result: `BPF_JMP | BPF_CALL`.
    pub const fn call(function: i32) -> Self {
        Self::new(0x85, 0, function)
    }

    /// Ends the program with r0 as its result: `BPF_JMP | BPF_EXIT`.
    pub const fn exit() -> Self {
        Self::new(0x95, 0, 0)
    }

    const fn new(code: u8, registers: u8, immediate: i32) -> Self {
        Self {
            code,
            registers,
            offset: 0,
            immediate,
        }
    }
}

/// The attributes of `BPF_PROG_LOAD`, up to the program's name.
#[derive(Default)]
#[repr(C)]
struct LoadAttributes {
    program_type: u32,
    instruction_count: u32,
    instructions: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log_buffer: u64,
    kernel_version: u32,
    flags: u32,
    name: [u8; 16],
}

/// The attributes of `BPF_PROG_TEST_RUN`. Linux 5.10 turns down a longer
/// attribute than it knows unless the rest is zero, and the first 40 bytes, up
/// to `duration`, are all that a plain run needs.
#[derive(Default)]
#[repr(C)]
struct RunAttributes {
    program: u32,
    result: u32,
    data_size_in: u32,
    data_size_out: u32,
    data_in: u64,
    data_out: u64,
    repeat: u32,
    duration: u32,
    context_size_in: u32,
    context_size_out: u32,
    context_in: u64,
    context_out: u64,
    flags: u32,
    cpu: u32,
    batch_size: u32,
    padding: u32,
}

/// Bytes of [`RunAttributes`] before the context.
const PLAIN_RUN: usize = 40;
const _: () = assert!(mem::offset_of!(RunAttributes, context_size_in) == PLAIN_RUN);
const _: () = assert!(mem::size_of::<RunAttributes>() == 80);
const _: () = assert!(mem::size_of::<LoadAttributes>() == 64);

/// `struct xdp_md`: offsets into the frame, and where it is to have arrived.
#[derive(Debug, Default)]
#[repr(C)]
pub struct XdpContext {
    /// 0: no metadata before the frame.
    pub data: u32,
    /// The length of the frame in bytes.
    pub data_end: u32,
    /// 0: no metadata before the frame.
    pub data_meta: u32,
    /// The interface that the frame is to have arrived on.
    pub ingress_ifindex: u32,
    /// The interface's receive queue, counted from 0.
    pub rx_queue_index: u32,
    /// 0: only programs on a device map have one.
    pub egress_ifindex: u32,
}

/// `BPF_F_TEST_XDP_LIVE_FRAMES`: what the program decides really happens (5.18).
const LIVE_FRAMES: u32 = 2;

/// A loaded program. The kernel forgets it when this is dropped, unless it was
/// attached to something meanwhile.
#[derive(Debug)]
pub struct Program(OwnedFd);

impl Program {
    /// Loads a program under the GPL, which some kernel functions ask for.
    ///
    /// Errors: `EPERM` without `CAP_BPF` (5.8; before it `CAP_SYS_ADMIN`) and
    /// `CAP_NET_ADMIN`, `EINVAL` when the kernel lacks the type or its check
    /// turns the program down, `ENOSYS` without bpf(2).
    pub fn load(program_type: ProgramType, instructions: &[Instruction]) -> Result<Self> {
        const LICENSE: &CStr = c"GPL";
        let attributes = LoadAttributes {
            program_type: program_type as u32,
            instruction_count: instructions.len() as u32,
            instructions: instructions.as_ptr().expose_provenance() as u64,
            license: LICENSE.as_ptr().expose_provenance() as u64,
            // What bpftool shows, should it run just now.
            name: *b"rs_agent_inject\0",
            ..LoadAttributes::default()
        };
        // SAFETY: the addresses in `attributes` are of `instructions`, whose
        // count is beside it, and of a C string; the kernel only reads them.
        let fd = unsafe { bpf(&PROG_LOAD, &attributes, mem::size_of_val(&attributes)) }?;
        // SAFETY: the kernel just made this descriptor, for nobody else.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Runs the program once on `frame` and returns its r0.
    ///
    /// Errors: `EINVAL` for a frame below 14 bytes or above what fits a page,
    /// `ENOTSUPP` where this type cannot be run.
    pub fn run(&self, frame: &[u8]) -> Result<u32> {
        let mut attributes = self.run_attributes(frame);
        // SAFETY: the one address in the first 40 bytes is of `frame`, whose
        // length is beside it. The kernel reads it, and writes to `attributes`.
        unsafe { bpf(&PROG_TEST_RUN, &raw mut attributes, PLAIN_RUN) }?;
        Ok(attributes.result)
    }

    /// Runs an XDP program once on `frame` and lets its verdict happen.
    ///
    /// Errors: `EINVAL` before 5.18, for a frame that does not fit a page, and
    /// for an interface whose driver knows no XDP; `ENODEV` for no interface.
    pub fn run_live(&self, frame: &[u8], context: &XdpContext) -> Result<()> {
        let mut attributes = RunAttributes {
            context_size_in: mem::size_of_val(context) as u32,
            context_in: (&raw const *context).expose_provenance() as u64,
            flags: LIVE_FRAMES,
            // Room for one frame instead of 64.
            batch_size: 1,
            ..self.run_attributes(frame)
        };
        let size = mem::size_of_val(&attributes);
        // SAFETY: the addresses in `attributes` are of `frame` and `context`,
        // each with its length beside it. The kernel reads them, and writes to
        // `attributes`.
        unsafe { bpf(&PROG_TEST_RUN, &raw mut attributes, size) }?;
        Ok(())
    }

    fn run_attributes(&self, frame: &[u8]) -> RunAttributes {
        RunAttributes {
            program: self.0.as_raw_fd().cast_unsigned(),
            data_size_in: frame.len() as u32,
            data_in: frame.as_ptr().expose_provenance() as u64,
            repeat: 1,
            ..RunAttributes::default()
        }
    }
}

impl AsFd for Program {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// # Safety
///
/// `attributes` points at `size` bytes that are valid for the command, with
/// every address in them; writable for a command that answers in them.
unsafe fn bpf<T>(command: &Command, attributes: *const T, size: usize) -> Result<i32> {
    let Command(number, name) = command;
    // SAFETY: passed on to the caller.
    let result = unsafe { libc::syscall(libc::SYS_bpf, *number, attributes, size) };
    match result {
        0.. => Ok(result as i32),
        _ => Err(CallError::last(format!("bpf({name})"))),
    }
}
