//! Echo requests and replies.

use std::net::IpAddr;
use std::time::Duration;

use napi::Env;
use napi::bindgen_prelude::Object;
use napi_derive::napi;

use super::Result;
use super::address::{invalid, ip};
use super::until_closed::UntilClosed;
use super::worker::promise_of;
use crate::call_error;
use crate::echo_message::IpVersion;
use crate::echo_socket;

/// A host that answered an echo request.
#[napi(object)]
pub struct EchoReply {
    /// Of the host; reads as RFC 5952 has it.
    pub address: String,
    /// Of the request.
    pub sequence: u32,
}

/// Asks hosts by ICMP, or ICMPv6, whether they are there: one raw socket for all of
/// them. Needs CAP_NET_RAW.
#[napi]
pub struct EchoSocket(UntilClosed<echo_socket::EchoSocket>);

#[napi]
impl EchoSocket {
    /// The identifier (0 to 65535) tells its replies from those to other processes.
    /// Throws EINVAL, EPERM, EAFNOSUPPORT, EMFILE.
    #[napi(constructor, catch_unwind)]
    pub fn new(#[napi(ts_arg_type = "4 | 6")] version: u32, identifier: u32) -> Result<Self> {
        let version = match version {
            4 => IpVersion::V4,
            6 => IpVersion::V6,
            other => return Err(invalid("version", other).into()),
        };
        let socket = echo_socket::EchoSocket::open(version, number("identifier", identifier)?)?;
        Ok(Self(UntilClosed::new("EchoSocket", socket)))
    }

    /// Asks a host without waiting for room. Throws EINVAL on text that is not an
    /// address and a sequence above 65535, EAFNOSUPPORT for one of the other version,
    /// ENETUNREACH without a route, EPERM where a firewall drops it, EAGAIN, ENOBUFS.
    #[napi(catch_unwind)]
    pub fn send(&self, address: String, sequence: u32) -> Result<()> {
        let address = ip::<IpAddr>("address", &address)?;
        let sequence = number("sequence", sequence)?;
        Ok(self.0.get()?.send(address, sequence)?)
    }

    /// Resolves with every reply that is queued as soon as that is any; with [] after
    /// timeoutMs, or when the socket is closed meanwhile.
    ///
    /// Waits on a thread of its own. Rejects with EBADF when it is closed already.
    #[napi(ts_return_type = "Promise<Array<EchoReply>>", catch_unwind)]
    pub fn receive<'env>(&self, env: &'env Env, timeout_ms: f64) -> napi::Result<Object<'env>> {
        let socket = self.0.get();
        // The cast takes what is below 0, and what is no number, for 0.
        let timeout = Duration::from_micros((timeout_ms * 1e3) as u64);
        promise_of(env, move || {
            let replies = socket?.receive(timeout)?;
            Ok(replies.into_iter().map(EchoReply::from).collect::<Vec<_>>())
        })
    }

    /// Ends a receive() under way too. Later calls of the others throw EBADF.
    #[napi(catch_unwind)]
    pub fn close(&mut self) {
        if let Some(socket) = self.0.close() {
            socket.close();
        }
    }
}

impl From<echo_socket::EchoReply> for EchoReply {
    fn from(reply: echo_socket::EchoReply) -> Self {
        Self {
            address: reply.address.to_string(),
            sequence: reply.sequence.into(),
        }
    }
}

fn number(name: &str, value: u32) -> call_error::Result<u16> {
    u16::try_from(value).map_err(|_| invalid(name, value))
}
