//! The classic BPF program that a tap attaches to its socket, so that a flood of
//! frames nobody asked for is turned away before it takes room in the buffer.

use libc::{BPF_ABS, BPF_B, BPF_H, BPF_JA, BPF_JEQ, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_W};
use libc::{SKF_AD_IFINDEX, SKF_AD_OFF, SKF_AD_PKTTYPE, sock_filter};

/// Which of the arriving ARP frames a tap sees. Those that leave it always sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Incoming {
    /// Only those whose ARP sender is 0.0.0.0, as in RFC 5227.
    Probes,
    /// Every one.
    All,
    /// Not one.
    None,
}

/// Bytes that the filter keeps of a frame: ARP is 42, the rest is padding.
pub const KEPT_BYTES: usize = 64;

const ETHERTYPE_OFFSET: u32 = 12;
/// 14 bytes of Ethernet, then 14 of ARP before the sender's address (RFC 826).
const SENDER_IP_OFFSET: u32 = 28;
// Loads from these offsets read what the kernel knows beside the frame's bytes
// (linux/filter.h).
const INTERFACE_INDEX: u32 = (SKF_AD_OFF + SKF_AD_IFINDEX).cast_unsigned();
const PACKET_TYPE: u32 = (SKF_AD_OFF + SKF_AD_PKTTYPE).cast_unsigned();

/// Lets ARP through that leaves, or that arrives and is wanted, on one of
/// `interfaces`; on any when the list is empty, for a socket bound to one.
///
/// A VLAN tag that the NIC strips is not among the frame's bytes: such a frame
/// passes like an untagged one.
pub fn program(interfaces: &[u32], incoming: Incoming) -> Vec<sock_filter> {
    let mut program = vec![load(BPF_H, ETHERTYPE_OFFSET)];
    program.extend(unless_equal(libc::ETH_P_ARP.cast_unsigned(), drop_frame()));
    program.extend(require_one_of(interfaces));
    program.push(load(BPF_B, PACKET_TYPE));
    program.extend(when_equal(libc::PACKET_OUTGOING.into(), keep_frame()));
    match incoming {
        Incoming::None => program.push(drop_frame()),
        Incoming::All => program.push(keep_frame()),
        Incoming::Probes => {
            program.push(load(BPF_W, SENDER_IP_OFFSET));
            program.extend(when_equal(0, keep_frame()));
            program.push(drop_frame());
        }
    }
    program
}

fn require_one_of(interfaces: &[u32]) -> Vec<sock_filter> {
    let mut program = Vec::new();
    if interfaces.is_empty() {
        return program;
    }
    program.push(load(BPF_W, INTERFACE_INDEX));
    // A conditional jump reaches 255 instructions, an unconditional one any
    // number of them: hosts have been seen with more VLAN interfaces than that.
    for remaining in (0..interfaces.len() as u32).rev() {
        let index = interfaces[remaining as usize];
        program.extend(when_equal(index, jump_over(2 * remaining + 1)));
    }
    program.push(drop_frame());
    program
}

fn load(size: u32, offset: u32) -> sock_filter {
    instruction(BPF_LD | BPF_ABS | size, offset)
}

fn when_equal(value: u32, then: sock_filter) -> [sock_filter; 2] {
    let compare = sock_filter {
        jf: 1,
        ..instruction(BPF_JMP | BPF_JEQ | BPF_K, value)
    };
    [compare, then]
}

fn unless_equal(value: u32, then: sock_filter) -> [sock_filter; 2] {
    let compare = sock_filter {
        jt: 1,
        ..instruction(BPF_JMP | BPF_JEQ | BPF_K, value)
    };
    [compare, then]
}

fn jump_over(instructions: u32) -> sock_filter {
    instruction(BPF_JMP | BPF_JA, instructions)
}

fn keep_frame() -> sock_filter {
    instruction(BPF_RET | BPF_K, KEPT_BYTES as u32)
}

fn drop_frame() -> sock_filter {
    instruction(BPF_RET | BPF_K, 0)
}

fn instruction(code: u32, k: u32) -> sock_filter {
    sock_filter {
        // The opcodes of classic BPF are one byte (linux/bpf_common.h).
        code: code as u16,
        jt: 0,
        jf: 0,
        k,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::same_cases;
    use proptest::prelude::*;

    /// A frame and what the kernel knows beside its bytes.
    struct Seen<'a> {
        bytes: &'a [u8],
        interface: u32,
        outgoing: bool,
    }

    /// Runs a program as Documentation/networking/filter.rst describes it; a
    /// load beyond the frame drops it.
    fn keeps(program: &[sock_filter], seen: &Seen) -> bool {
        let (mut at, mut accumulator) = (0, 0);
        loop {
            let sock_filter { code, jt, jf, k } = program[at];
            at += 1;
            match u32::from(code) {
                0x06 => return k != 0,
                0x05 => at += k as usize,
                0x15 => at += usize::from(if accumulator == k { jt } else { jf }),
                _ if k == INTERFACE_INDEX => accumulator = seen.interface,
                _ if k == PACKET_TYPE => accumulator = if seen.outgoing { 4 } else { 1 },
                load => {
                    let size = [4, 2, 1][(load >> 3 & 3) as usize];
                    let Some(bytes) = seen.bytes.get(k as usize..k as usize + size) else {
                        return false;
                    };
                    accumulator = bytes
                        .iter()
                        .fold(0, |sum, byte| sum << 8 | u32::from(*byte));
                }
            }
        }
    }

    fn frame(ethertype: [u8; 2], sender_ip: [u8; 4]) -> [u8; 42] {
        let mut bytes = [0xee; 42];
        bytes[12..14].copy_from_slice(&ethertype);
        bytes[28..32].copy_from_slice(&sender_ip);
        bytes
    }

    const ARP: [u8; 2] = [0x08, 0x06];
    const IPV4: [u8; 2] = [0x08, 0x00];

    #[test]
    fn lets_in_what_leaves_and_the_wanted_of_what_arrives() {
        for (incoming, outgoing, ethertype, sender_ip, expected) in [
            (Incoming::None, true, ARP, [10, 0, 0, 1], true),
            (Incoming::None, false, ARP, [0; 4], false),
            (Incoming::Probes, true, ARP, [10, 0, 0, 1], true),
            (Incoming::Probes, false, ARP, [0; 4], true),
            (Incoming::Probes, false, ARP, [0, 0, 0, 1], false),
            (Incoming::All, false, ARP, [10, 0, 0, 1], true),
            (Incoming::All, false, IPV4, [0; 4], false),
            (Incoming::All, true, IPV4, [0; 4], false),
        ] {
            let bytes = frame(ethertype, sender_ip);
            let seen = Seen {
                bytes: &bytes,
                interface: 3,
                outgoing,
            };
            let kept = keeps(&program(&[], incoming), &seen);
            assert_eq!(
                kept, expected,
                "{incoming:?} {outgoing} {ethertype:?} {sender_ip:?}"
            );
        }
    }

    #[test]
    fn drops_an_arriving_frame_too_short_to_tell() {
        let bytes = frame(ARP, [0; 4]);
        let seen = Seen {
            bytes: &bytes[..31],
            interface: 3,
            outgoing: false,
        };
        assert!(!keeps(&program(&[], Incoming::Probes), &seen));
    }

    proptest! {
        #![proptest_config(same_cases::config())]

        #[test]
        fn sees_exactly_the_interfaces_given(
            interfaces in prop::collection::hash_set(1..2000_u32, 1..600),
            other in 1..2000_u32,
        ) {
            let interfaces: Vec<u32> = interfaces.into_iter().collect();
            let program = program(&interfaces, Incoming::None);
            let bytes = frame(ARP, [0; 4]);
            for interface in interfaces.iter().copied().chain([other]) {
                let seen = Seen { bytes: &bytes, interface, outgoing: true };
                prop_assert_eq!(keeps(&program, &seen), interfaces.contains(&interface));
            }
        }
    }
}
