//! For tests: attaches an XDP program that passes every frame to a NIC, in driver
//! mode, prints `attached`, and detaches it when stdin ends or on SIGTERM or SIGINT.
//!
//! `xdp-pass NIC`, as root. The program stays on the NIC when this is killed with
//! SIGKILL, until the NIC or its network namespace goes.

use std::error::Error;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd};
use std::process::ExitCode;

use nix::errno::Errno;
use nix::net::if_::if_nametoindex;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::SignalFd;
use rs_agent_native::bpf::{Instruction, Program, ProgramType};
use rs_agent_native::call_error::During;
use rs_agent_native::rtnetlink::{Request, RouteSocket, attribute};

// Of include/uapi/linux/if_link.h and netlink.h.
const IFLA_XDP: u16 = 43;
const IFLA_XDP_FD: u16 = 1;
const IFLA_XDP_FLAGS: u16 = 3;
const XDP_FLAGS_DRV_MODE: u32 = 1 << 2;
const NLA_F_NESTED: u16 = 1 << 15;
/// `enum xdp_action`: on to the stack.
const XDP_PASS: i32 = 2;
/// In place of a program: none.
const NO_PROGRAM: i32 = -1;

fn main() -> ExitCode {
    match pass_until_end() {
        Ok(()) => ExitCode::SUCCESS,
        Err(cause) => {
            eprintln!("xdp-pass: {cause}");
            ExitCode::FAILURE
        }
    }
}

fn pass_until_end() -> Result<(), Box<dyn Error>> {
    let name = std::env::args().nth(1).ok_or("usage: xdp-pass NIC")?;
    let ifindex = if_nametoindex(name.as_str()).during(|| format!("look {name} up"))?;
    // Before there is anything to detach, or a signal might come too early.
    let signals = end_signals()?;
    let program = Program::load(
        ProgramType::Xdp,
        &[Instruction::set(0, XDP_PASS), Instruction::exit()],
    )?;
    let kernel = RouteSocket::open()?;
    kernel
        .request(set_program(ifindex, program.as_fd().as_raw_fd()))
        .during(|| format!("attach to {name}"))?;
    println!("attached");
    let waited = wait_for_end(&signals);
    kernel
        .request(set_program(ifindex, NO_PROGRAM))
        .during(|| format!("detach from {name}"))?;
    Ok(waited?)
}

fn end_signals() -> nix::Result<SignalFd> {
    let signals = SigSet::from_iter([Signal::SIGTERM, Signal::SIGINT]);
    signals.thread_block()?;
    SignalFd::new(&signals)
}

fn set_program(ifindex: u32, program: i32) -> Request {
    // struct ifinfomsg: family, padding, type, the interface, flags and their mask.
    let mut header = [0; 16];
    header[4..8].copy_from_slice(&ifindex.to_ne_bytes());
    let xdp = [
        attribute(IFLA_XDP_FD, &program.to_ne_bytes()),
        attribute(IFLA_XDP_FLAGS, &XDP_FLAGS_DRV_MODE.to_ne_bytes()),
    ];
    Request::new(libc::RTM_SETLINK, &header).with(IFLA_XDP | NLA_F_NESTED, &xdp.concat())
}

fn wait_for_end(signals: &SignalFd) -> io::Result<()> {
    let stdin = io::stdin();
    loop {
        let mut watched = [
            PollFd::new(signals.as_fd(), PollFlags::POLLIN),
            PollFd::new(stdin.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut watched, PollTimeout::NONE) {
            Err(Errno::EINTR) => continue,
            polled => polled?,
        };
        let [signalled, _] = watched;
        if signalled.any() == Some(true) || stdin.lock().read(&mut [0; 64])? == 0 {
            return Ok(());
        }
    }
}
