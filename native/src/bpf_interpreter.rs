//! Runs a program of classic BPF as Documentation/networking/filter.rst describes
//! it, so that a test may ask what a filter makes of a frame without a socket.

use libc::sock_filter;

use crate::classic_bpf::{INTERFACE_INDEX, PACKET_TYPE};

/// A frame and what the kernel knows beside its bytes.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    pub bytes: &'a [u8],
    pub interface: u32,
    pub outgoing: bool,
}

impl<'a> Seen<'a> {
    /// As a socket sees it that is bound to one interface.
    pub fn arriving(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            interface: 3,
            outgoing: false,
        }
    }

    /// As a socket sees it that is bound to one interface.
    pub fn leaving(bytes: &'a [u8]) -> Self {
        Self {
            outgoing: true,
            ..Self::arriving(bytes)
        }
    }
}

/// Whether the program keeps the frame.
pub fn keeps(program: &[sock_filter], seen: Seen) -> bool {
    // A load beyond the frame drops it.
    run(program, seen).is_some_and(|kept| kept > 0)
}

fn run(program: &[sock_filter], seen: Seen) -> Option<u32> {
    let (mut at, mut accumulator, mut index) = (0, 0_u32, 0_u32);
    loop {
        let sock_filter { code, jt, jf, k } = program[at];
        at += 1;
        let jump = |holds| usize::from(if holds { jt } else { jf });
        match code {
            0x06 => return Some(k),
            0x05 => at += k as usize,
            0x15 => at += jump(accumulator == k),
            0x25 => at += jump(accumulator > k),
            0x35 => at += jump(accumulator >= k),
            0x45 => at += jump(accumulator & k != 0),
            0x54 => accumulator &= k,
            0x64 => accumulator <<= k,
            0x0c => accumulator = accumulator.wrapping_add(index),
            0x07 => index = accumulator,
            0xb1 => index = (bytes(seen, k, 1)? & 0x0f) * 4,
            0x20 if k == INTERFACE_INDEX => accumulator = seen.interface,
            0x30 if k == PACKET_TYPE => accumulator = if seen.outgoing { 4 } else { 1 },
            0x20 => accumulator = bytes(seen, k, 4)?,
            0x28 => accumulator = bytes(seen, k, 2)?,
            0x30 => accumulator = bytes(seen, k, 1)?,
            0x48 => accumulator = bytes(seen, index + k, 2)?,
            0x50 => accumulator = bytes(seen, index + k, 1)?,
            other => panic!("no test knows what {other:#x} does"),
        }
    }
}

fn bytes(seen: Seen, offset: u32, count: usize) -> Option<u32> {
    let bytes = seen.bytes.get(offset as usize..)?.get(..count)?;
    Some(
        bytes
            .iter()
            .fold(0, |sum, byte| sum << 8 | u32::from(*byte)),
    )
}
