//! Telling the service starter, and its journal.

use std::time::Duration;

use napi::bindgen_prelude::BufferSlice;
use napi_derive::napi;

use super::Result;
use crate::service_socket;

/// Sends one datagram to a Unix socket, as sd_notify(3) does: an absolute path, or `@` and an
/// abstract name.
///
/// Waits for room for at most so many milliseconds. Throws ENOENT or ECONNREFUSED where nobody
/// listens, EAGAIN when there was no room, EMSGSIZE for a message that is too long for one
/// datagram, EAFNOSUPPORT and EINVAL for what is no such address.
#[napi(catch_unwind)]
pub fn send_datagram(address: String, message: BufferSlice, timeout_ms: u32) -> Result<()> {
    let timeout = Duration::from_millis(timeout_ms.into());
    Ok(service_socket::send(&address, &message, timeout)?)
}
