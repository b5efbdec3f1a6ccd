//! Hands the stack a frame as if it had arrived on a NIC. A frame that is sent
//! cannot do that: it leaves the host, and its own stack never sees it.
//!
//! Nothing is attached to the NIC, and nothing outlives the injector.

use nix::errno::Errno;

use crate::bpf::{Instruction, Program, ProgramType, XdpContext};
use crate::call_error::{CallError, Result};

/// `bpf_clone_redirect` (include/uapi/linux/bpf.h).
const CLONE_REDIRECT: i32 = 13;
/// `BPF_F_INGRESS`: into the interface rather than out of it.
const INGRESS: i32 = 1;
/// `NET_RX_DROP` (include/linux/netdevice.h).
const NET_RX_DROP: i32 = 1;
/// `enum xdp_action`: on to the stack.
const XDP_PASS: i32 = 2;

/// Injects by `bpf_clone_redirect`, run once per frame (5.10 and later).
#[derive(Debug)]
pub struct ClsInjector {
    program: Program,
    ifindex: u32,
}

impl ClsInjector {
    /// Errors: those of [`Program::load`].
    pub fn load(ifindex: u32) -> Result<Self> {
        // r1 is the context that the program got and the function wants.
        let program = Program::load(
            ProgramType::SchedCls,
            &[
                Instruction::set(2, ifindex.cast_signed()),
                Instruction::set(3, INGRESS),
                Instruction::call(CLONE_REDIRECT),
                Instruction::exit(),
            ],
        )?;
        Ok(Self { program, ifindex })
    }

    /// Whether the NIC took the frame: not when it is down, nor, before 5.12, a
    /// frame above its MTU. Errors: `ENODEV`, and those of [`Program::run`].
    pub fn inject(&self, frame: &[u8]) -> Result<bool> {
        match self.program.run(frame)?.cast_signed() {
            0 => Ok(true),
            NET_RX_DROP => Ok(false),
            result => Err(CallError::new(
                format!("bpf_clone_redirect(ifindex {})", self.ifindex),
                redirect_errno(result),
            )),
        }
    }
}

/// The function returns an errno negated.
fn redirect_errno(result: i32) -> Errno {
    match Errno::from_raw(result.wrapping_neg()) {
        // Its flags being good, that is what it says of an unknown interface
        // (net/core/filter.c). From bpf(2) itself EINVAL means something else.
        Errno::EINVAL => Errno::ENODEV,
        errno => errno,
    }
}

/// Injects by an XDP program that passes everything, run live (5.18 and later).
#[derive(Debug)]
pub struct XdpInjector {
    program: Program,
    ifindex: u32,
}

impl XdpInjector {
    /// Errors: those of [`Program::load`].
    pub fn load(ifindex: u32) -> Result<Self> {
        let program = Program::load(
            ProgramType::Xdp,
            &[Instruction::set(0, XDP_PASS), Instruction::exit()],
        )?;
        Ok(Self { program, ifindex })
    }

    /// Passes the frame to the stack. The kernel does not say what became of it.
    /// Errors: those of [`Program::run_live`].
    pub fn inject(&self, frame: &[u8]) -> Result<()> {
        let context = XdpContext {
            data_end: frame.len() as u32,
            ingress_ifindex: self.ifindex,
            ..XdpContext::default()
        };
        self.program.run_live(frame, &context)
    }
}
