//! Text that is an Ethernet address is one way to write it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rs_agent_native::address::MacAddress;

fuzz_target!(|text: &str| {
    if let Ok(address) = text.parse::<MacAddress>() {
        assert_eq!(address.to_string(), text.to_ascii_lowercase());
    }
});
