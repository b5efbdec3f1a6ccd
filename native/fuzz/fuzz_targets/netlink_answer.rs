//! Whatever the kernel answers.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rs_agent_native::rtnetlink::outcome;
use rs_agent_native_fuzz::behind;

/// Of an error or an acknowledgement: the length is not looked at, 2 is the type.
const ERROR: &[u8] = &[0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

fuzz_target!(|bytes: &[u8]| {
    for message in behind(&[&[ERROR]], bytes) {
        let _ = outcome(&message);
    }
});
