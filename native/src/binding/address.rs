//! Addresses from their text.

use std::net::AddrParseError;
use std::str::FromStr;

use nix::errno::Errno;

use crate::address::{MacAddress, NotAMacAddress};
use crate::call_error::{CallError, Result};

/// 'aa:bb:cc:dd:ee:ff'.
pub fn mac(name: &str, text: &str) -> Result<MacAddress> {
    text.parse().map_err(|NotAMacAddress| invalid(name, text))
}

/// IPv4, IPv6 or either, as the caller wants it.
pub fn ip<T: FromStr<Err = AddrParseError>>(name: &str, text: &str) -> Result<T> {
    text.parse().map_err(|_| invalid(name, text))
}

/// Names the argument and what it was.
pub fn invalid(name: &str, value: impl std::fmt::Debug) -> CallError {
    CallError::new(format!("{name} {value:?}"), Errno::EINVAL)
}
