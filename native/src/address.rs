//! Ethernet addresses as text and back. IPv4 has `std::net::Ipv4Addr`.

use std::fmt;
use std::str::FromStr;

/// An Ethernet (EUI-48) address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MacAddress(pub [u8; 6]);

/// Text that is not six pairs of hexadecimal digits joined by colons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAMacAddress;

impl FromStr for MacAddress {
    type Err = NotAMacAddress;

    fn from_str(text: &str) -> Result<Self, NotAMacAddress> {
        let mut octets = [0; 6];
        let mut pairs = text.split(':');
        for octet in &mut octets {
            *octet = pairs.next().and_then(parse_octet).ok_or(NotAMacAddress)?;
        }
        match pairs.next() {
            None => Ok(Self(octets)),
            Some(_) => Err(NotAMacAddress),
        }
    }
}

fn parse_octet(pair: &str) -> Option<u8> {
    // from_str_radix alone would take "+f" as well.
    let digits = pair.len() == 2 && pair.bytes().all(|byte| byte.is_ascii_hexdigit());
    digits.then(|| u8::from_str_radix(pair, 16).ok()).flatten()
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::same_cases;
    use proptest::prelude::*;

    #[test]
    fn turns_down_what_is_not_six_pairs() {
        for text in [
            "",
            "aa:bb:cc:dd:ee",
            "aa:bb:cc:dd:ee:ff:00",
            "aa:bb:cc:dd:ee:f",
            "aa:bb:cc:dd:ee:+f",
            "aa-bb-cc-dd-ee-ff",
            "aa:bb:cc:dd:ee:ff ",
            "aa:bb:cc:dd:ee:g0",
        ] {
            assert_eq!(MacAddress::from_str(text), Err(NotAMacAddress), "{text:?}");
        }
    }

    #[test]
    fn takes_either_case() {
        assert_eq!(
            "AA:bb:0C:0d:00:fF".parse(),
            Ok(MacAddress([0xaa, 0xbb, 0x0c, 0x0d, 0, 0xff]))
        );
    }

    proptest! {
        #![proptest_config(same_cases::config())]

        #[test]
        fn comes_back_from_its_text(octets: [u8; 6]) {
            prop_assert_eq!(MacAddress(octets).to_string().parse(), Ok(MacAddress(octets)));
        }

        #[test]
        fn never_panics_on_text(text in ".*") {
            let _ = MacAddress::from_str(&text);
        }
    }
}
