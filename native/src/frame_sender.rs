//! Sends whole Ethernet frames out of an interface.

use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, send};

use crate::call_error::{CallError, During, Result};
use crate::closing::{Closing, Woken};
use crate::packet_socket::{self, Receives};

/// A packet socket to send on. The frames go to the wire; this host's own stack
/// never sees them, whatever they are addressed to.
#[derive(Debug)]
pub struct FrameSender {
    socket: OwnedFd,
    closing: Closing,
    ifindex: u32,
}

impl FrameSender {
    /// Errors: `ENODEV`, `EPERM` without `CAP_NET_RAW`.
    pub fn open(ifindex: u32) -> Result<Self> {
        if ifindex == 0 {
            return Err(CallError::new("send on ifindex 0", Errno::ENODEV));
        }
        let socket = packet_socket::open()?;
        packet_socket::bind(&socket, Receives::Nothing, ifindex)?;
        Ok(Self {
            socket,
            closing: Closing::new()?,
            ifindex,
        })
    }

    /// Sends one frame, without waiting for room.
    ///
    /// Errors: `EMSGSIZE` above the MTU, `EINVAL` below 14 bytes, `ENETDOWN`
    /// while the interface is down, `ENXIO` once the interface is gone, `EAGAIN` and `ENOBUFS` without room in
    /// the socket or the queue of the interface.
    pub fn send(&self, frame: &[u8]) -> Result<()> {
        self.try_send(frame).during(|| {
            format!(
                "send(AF_PACKET, ifindex {}, {} bytes)",
                self.ifindex,
                frame.len()
            )
        })
    }

    /// Sends `frame` up to `count` times at `per_second`, and says how many of
    /// them there was room for. Ends early once [`FrameSender::close`] was called.
    ///
    /// A frame that is late is sent at once, so the rate holds on average.
    /// Errors: `EINVAL` for a rate of 0, else as `send`.
    pub fn send_paced(&self, frame: &[u8], per_second: u32, count: u32) -> Result<u32> {
        if per_second == 0 {
            return Err(CallError::new("send at 0 frames per second", Errno::EINVAL));
        }
        let start = Instant::now();
        let mut sent = 0;
        for number in 0..count {
            let due = start + Duration::from_secs_f64(f64::from(number) / f64::from(per_second));
            if self.closing.wait(None, due)? == Woken::Closed {
                break;
            }
            match self.try_send(frame) {
                Ok(()) => sent += 1,
                Err(Errno::EAGAIN | Errno::ENOBUFS) => {}
                refused => {
                    refused.during(|| format!("send(AF_PACKET, ifindex {})", self.ifindex))?
                }
            }
        }
        Ok(sent)
    }

    /// Ends [`FrameSender::send_paced`].
    pub fn close(&self) {
        self.closing.close();
    }

    fn try_send(&self, frame: &[u8]) -> nix::Result<()> {
        // The kernel sends a packet socket's frame whole or not at all.
        send(self.socket.as_raw_fd(), frame, MsgFlags::MSG_DONTWAIT).map(drop)
    }
}
