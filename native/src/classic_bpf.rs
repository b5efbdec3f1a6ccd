//! Programs of classic BPF (Documentation/networking/filter.rst) for a socket to
//! turn frames away before they take room in its buffer.
//!
//! They are built of blocks: instructions that end the program, or go on behind
//! the last of them. So blocks nest, and nobody counts instructions for a jump.

use libc::{BPF_ABS, BPF_ADD, BPF_ALU, BPF_AND, BPF_B, BPF_H, BPF_IND, BPF_JA, BPF_JEQ};
use libc::{BPF_JGE, BPF_JGT, BPF_JMP, BPF_JSET, BPF_K, BPF_LD, BPF_LDX, BPF_LSH, BPF_MISC};
use libc::{BPF_MSH, BPF_RET, BPF_TAX, BPF_W, BPF_X};
use libc::{SKF_AD_IFINDEX, SKF_AD_OFF, SKF_AD_PKTTYPE, sock_filter};

/// Instructions that end the program, or go on behind the last of them.
pub type Block = Vec<sock_filter>;

/// Bytes of the Ethernet header.
pub const ETHERNET: u32 = 14;

/// The Ethernet header's last field.
pub const ETHERTYPE_OFFSET: u32 = 12;

// Loads from these offsets read what the kernel knows beside the frame's bytes
// (linux/filter.h).
pub(crate) const INTERFACE_INDEX: u32 = (SKF_AD_OFF + SKF_AD_IFINDEX).cast_unsigned();
pub(crate) const PACKET_TYPE: u32 = (SKF_AD_OFF + SKF_AD_PKTTYPE).cast_unsigned();

/// A conditional jump reaches 255 instructions, an unconditional one any number.
const REACH: usize = 255;

/// The program that runs `wanted` for frames of the given ethertypes which pass
/// one of `interfaces` (any when the list is empty, for a socket bound to one),
/// and drops the others. The ethertype goes first: it is what most frames fail.
///
/// A VLAN tag that the NIC strips is not among the frame's bytes: such a frame
/// passes like an untagged one.
pub fn program(ethertypes: &[u16], interfaces: &[u32], wanted: Block) -> Block {
    let ethertypes: Vec<u32> = ethertypes.iter().copied().map(u32::from).collect();
    let wanted = on_one_of(interfaces, wanted);
    [
        load_half(ETHERTYPE_OFFSET),
        when_one_of(&ethertypes, wanted),
        drop_frame(),
    ]
    .concat()
}

fn on_one_of(interfaces: &[u32], wanted: Block) -> Block {
    match interfaces {
        [] => wanted,
        several => [
            load(BPF_ABS | BPF_W, INTERFACE_INDEX),
            when_one_of(several, wanted),
        ]
        .concat(),
    }
}

/// Runs `then` when the frame leaves this host.
pub fn when_outgoing(then: Block) -> Block {
    [
        load(BPF_ABS | BPF_B, PACKET_TYPE),
        when_equal(libc::PACKET_OUTGOING.into(), then),
    ]
    .concat()
}

/// Loads a byte of the frame. A load beyond the frame drops it.
pub fn load_byte(offset: u32) -> Block {
    load(BPF_ABS | BPF_B, offset)
}

/// Loads two bytes in network order.
pub fn load_half(offset: u32) -> Block {
    load(BPF_ABS | BPF_H, offset)
}

/// Loads four bytes in network order.
pub fn load_word(offset: u32) -> Block {
    load(BPF_ABS | BPF_W, offset)
}

/// Loads a byte of the frame, `offset` counted from the index.
pub fn load_byte_at_index(offset: u32) -> Block {
    load(BPF_IND | BPF_B, offset)
}

/// Loads two bytes in network order, `offset` counted from the index.
pub fn load_half_at_index(offset: u32) -> Block {
    load(BPF_IND | BPF_H, offset)
}

/// Makes the length of the IPv4 header at `offset` the index.
pub fn index_ipv4_header_length(offset: u32) -> Block {
    vec![instruction(BPF_LDX | BPF_MSH | BPF_B, offset)]
}

/// Adds the length of the IPv4 header at `offset`, counted from the index, to it.
pub fn add_ipv4_header_length_to_index(offset: u32) -> Block {
    let mut block = load_byte_at_index(offset);
    // The low four bits, in units of four bytes (RFC 791).
    block.push(instruction(BPF_ALU | BPF_AND | BPF_K, 0x0f));
    block.push(instruction(BPF_ALU | BPF_LSH | BPF_K, 2));
    block.push(instruction(BPF_ALU | BPF_ADD | BPF_X, 0));
    block.push(instruction(BPF_MISC | BPF_TAX, 0));
    block
}

/// Runs `then` when what was loaded is `value`.
pub fn when_equal(value: u32, then: Block) -> Block {
    before(vec![jump_if(BPF_JEQ, value, 1, 0)], then)
}

/// Runs `then` when what was loaded has a bit of `mask` set.
pub fn when_any_bit(mask: u32, then: Block) -> Block {
    before(vec![jump_if(BPF_JSET, mask, 1, 0)], then)
}

/// Runs `then` when what was loaded lies between the two, or is one of them.
pub fn when_between(first: u32, last: u32, then: Block) -> Block {
    let test = vec![jump_if(BPF_JGE, first, 0, 1), jump_if(BPF_JGT, last, 0, 1)];
    before(test, then)
}

/// Runs `then` when what was loaded is one of `values`, however many; each takes
/// one instruction.
pub fn when_one_of(values: &[u32], then: Block) -> Block {
    // Each chunk ends in a jump over the next, and that one, to `then`.
    let length = values.len() + 2 * values.len().div_ceil(REACH);
    let mut test = Vec::with_capacity(length);
    for chunk in values.chunks(REACH) {
        for (value, distance) in chunk.iter().zip((1..=chunk.len() as u8).rev()) {
            test.push(jump_if(BPF_JEQ, *value, distance, 0));
        }
        test.push(jump_over(1));
        test.push(jump_over(length - test.len()));
    }
    before(test, then)
}

/// `test` skips the instruction behind it to run `then`.
fn before(mut test: Block, then: Block) -> Block {
    test.push(jump_over(then.len()));
    test.extend(then);
    test
}

/// Ends the program and keeps the first bytes of the frame.
pub fn keep_frame(bytes: usize) -> Block {
    vec![instruction(BPF_RET | BPF_K, bytes as u32)]
}

/// Ends the program without the frame.
pub fn drop_frame() -> Block {
    vec![instruction(BPF_RET | BPF_K, 0)]
}

fn load(what: u32, offset: u32) -> Block {
    vec![instruction(BPF_LD | what, offset)]
}

fn jump_if(condition: u32, value: u32, when_true: u8, when_false: u8) -> sock_filter {
    sock_filter {
        jt: when_true,
        jf: when_false,
        ..instruction(BPF_JMP | condition | BPF_K, value)
    }
}

fn jump_over(instructions: usize) -> sock_filter {
    instruction(BPF_JMP | BPF_JA, instructions as u32)
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
    use crate::bpf_interpreter::{Seen, keeps};
    use crate::same_cases;
    use proptest::prelude::*;

    /// Keeps a frame whose first four bytes pass `test`.
    fn ending(test: impl Fn(Block) -> Block) -> Block {
        [load_word(0), test(keep_frame(1)), drop_frame()].concat()
    }

    fn passes(program: &[sock_filter], value: u32) -> bool {
        keeps(program, Seen::arriving(&value.to_be_bytes()))
    }

    #[test]
    fn drops_a_frame_too_short_to_tell() {
        let program = ending(|then| when_equal(0, then));
        assert!(keeps(&program, Seen::arriving(&[0; 4])));
        assert!(!keeps(&program, Seen::arriving(&[0; 3])));
    }

    #[test]
    fn no_value_is_one_of_none() {
        assert!(!passes(&ending(|then| when_one_of(&[], then)), 0));
    }

    #[test]
    fn runs_a_block_of_any_length() {
        let long = [load_word(0).repeat(300), keep_frame(1)].concat();
        for (test, good, bad) in [
            (when_equal(7, long.clone()), 7, 8),
            (when_any_bit(6, long.clone()), 4, 9),
            (when_between(7, 9, long.clone()), 9, 10),
            (when_one_of(&[7, 9], long.clone()), 9, 8),
        ] {
            let program = ending(|_| test.clone());
            assert!(passes(&program, good));
            assert!(!passes(&program, bad));
        }
    }

    proptest! {
        #![proptest_config(same_cases::config())]

        #[test]
        fn finds_one_of_any_number(
            values in prop::collection::vec(0..2000_u32, 0..1100),
            value in 0..2000_u32,
        ) {
            let program = ending(|then| when_one_of(&values, then));
            prop_assert_eq!(passes(&program, value), values.contains(&value));
        }

        #[test]
        fn a_range_includes_its_ends(first in 0..20_u32, last in 0..20_u32, value in 0..20_u32) {
            let program = ending(|then| when_between(first, last, then));
            prop_assert_eq!(passes(&program, value), (first..=last).contains(&value));
        }

        #[test]
        fn sees_exactly_the_interfaces_given(
            interfaces in prop::collection::hash_set(1..2000_u32, 1..600),
            other in 1..2000_u32,
        ) {
            let interfaces: Vec<u32> = interfaces.into_iter().collect();
            let program = program(&[0x0806], &interfaces, keep_frame(1));
            let mut bytes = [0; 14];
            bytes[12..].copy_from_slice(&[0x08, 0x06]);
            for interface in interfaces.iter().copied().chain([other]) {
                let seen = Seen { interface, ..Seen::arriving(&bytes) };
                prop_assert_eq!(keeps(&program, seen), interfaces.contains(&interface));
            }
        }
    }
}
