//! Watches frames of one kind on one or more interfaces.

use std::io::IoSliceMut;
use std::marker::PhantomData;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::cmsg_space;
use nix::errno::Errno;
use nix::sys::socket::{ControlMessageOwned, LinkAddr, MsgFlags, RecvMsg, recvmsg};
use nix::sys::time::TimeSpec;

use crate::call_error::{CallError, Result};
use crate::classic_bpf::{self, Block};
use crate::closing::{Closing, Woken};
use crate::packet_socket::{self, Receives};
use crate::socket_option;

/// Bounds one call: a flood may fill the socket as fast as it is emptied.
const FRAMES_PER_CALL: usize = 4096;

/// Seven weeks; a moment too far off cannot be told.
const LONGEST_WAIT: Duration = Duration::from_millis(u32::MAX as u64);

/// What a tap has filtered in the kernel, and what it makes of what passes.
pub trait Watch {
    /// A frame that was understood.
    type Frame;
    /// The only ethertypes that [`Watch::wanted`] is run for.
    const ETHERTYPES: &'static [u16];
    /// Bytes of a frame that [`Watch::parse`] needs at most.
    const KEPT_BYTES: usize;

    /// Ends for every frame: with `KEPT_BYTES` of it, or without it.
    fn wanted(&self) -> Block;

    /// `None` for what passed the filter and yet is not what is watched.
    fn parse(bytes: &[u8]) -> Option<Self::Frame>;
}

/// The filter of a tap on `interfaces`; of the one it is bound to when the list
/// is empty.
pub fn filter<W: Watch>(watch: &W, interfaces: &[u32]) -> Block {
    classic_bpf::program(W::ETHERTYPES, interfaces, watch.wanted())
}

/// A tap on a packet socket. It sees what leaves the host and what reaches its
/// stack, whoever sent it; frames that this host injects count as arriving.
#[derive(Debug)]
pub struct Tap<W> {
    socket: OwnedFd,
    closing: Closing,
    watch: PhantomData<fn() -> W>,
}

/// A frame that the tap saw.
#[derive(Debug, Clone, PartialEq)]
pub struct Sighting<Frame> {
    /// The interface it passed.
    pub ifindex: u32,
    /// Whether it left the host.
    pub outgoing: bool,
    /// When the kernel saw it, since 1970.
    pub at: Duration,
    /// The frame itself.
    pub frame: Frame,
}

impl<W: Watch> Tap<W> {
    /// Watches `interfaces`; a single one by binding to it, more by the filter.
    /// `buffer_bytes` sizes the receive buffer, else net.core.rmem_default holds.
    ///
    /// Errors: `EINVAL` for no interface, `EPERM` without `CAP_NET_RAW`, `ENODEV`
    /// for a single interface that does not exist (of several, it is never seen);
    /// `EINVAL` or `ENOMEM` for more of them than the kernel's filter has room for.
    /// 2,000 pass on every kernel: net.core.optmem_max was 20 kB before 6.8.
    pub fn open(interfaces: &[u32], watch: &W, buffer_bytes: Option<u32>) -> Result<Self> {
        let (bound, filtered) = match interfaces {
            [] => return Err(CallError::new("tap on no interface", Errno::EINVAL)),
            // 0 would bind to every interface of the host.
            _ if interfaces.contains(&0) => {
                return Err(CallError::new("tap on ifindex 0", Errno::ENODEV));
            }
            [only] => (*only, &[][..]),
            several => (0, several),
        };
        let socket = packet_socket::open()?;
        if let Some(bytes) = buffer_bytes {
            socket_option::set_receive_buffer(&socket, bytes)?;
        }
        socket_option::TIMESTAMP.set(&socket, 1)?;
        // Before bind, or unfiltered frames slip in.
        packet_socket::attach_filter(&socket, &filter(watch, filtered))?;
        packet_socket::bind(&socket, Receives::Everything, bound)?;
        Ok(Self {
            socket,
            closing: Closing::new()?,
            watch: PhantomData,
        })
    }

    /// Waits for sightings and takes all that are queued. Empty after `timeout`,
    /// or once [`Tap::close`] was called.
    ///
    /// Errors: `ENETDOWN` once for an interface that is down or went down; the
    /// next call works. Only a tap on one interface hears of it.
    pub fn receive(&self, timeout: Duration) -> Result<Vec<Sighting<W::Frame>>> {
        let deadline = Instant::now() + timeout.min(LONGEST_WAIT);
        loop {
            match self.closing.wait(Some(self.socket.as_fd()), deadline)? {
                Woken::Closed | Woken::DeadlinePassed => return Ok(Vec::new()),
                Woken::Readable => {}
            }
            // Empty when another caller was faster.
            let sightings = self.drain()?;
            if !sightings.is_empty() {
                return Ok(sightings);
            }
        }
    }

    /// Takes what is queued now, of at most 4,096 frames. Errors: as `receive`.
    pub fn drain(&self) -> Result<Vec<Sighting<W::Frame>>> {
        let mut sightings = Vec::new();
        let mut bytes = vec![0; W::KEPT_BYTES];
        for _ in 0..FRAMES_PER_CALL {
            match self.take_one(&mut bytes) {
                Ok(sighting) => sightings.extend(sighting),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => break,
                Err(errno) => return Err(CallError::new("recvmsg(AF_PACKET)", errno)),
            }
        }
        Ok(sightings)
    }

    /// Frames that found the buffer full since the last call (`PACKET_STATISTICS`
    /// of packet(7)).
    pub fn take_drop_count(&self) -> Result<u32> {
        packet_socket::take_drop_count(&self.socket)
    }

    /// Ends every [`Tap::receive`].
    pub fn close(&self) {
        self.closing.close();
    }

    /// `None` for what passed the filter and yet is not what is watched.
    fn take_one(&self, bytes: &mut [u8]) -> nix::Result<Option<Sighting<W::Frame>>> {
        let mut buffer = [IoSliceMut::new(bytes)];
        let mut control = cmsg_space!(TimeSpec);
        let message = recvmsg::<LinkAddr>(
            self.socket.as_raw_fd(),
            &mut buffer,
            Some(&mut control),
            MsgFlags::MSG_DONTWAIT,
        )?;
        let at = arrival(&message)?;
        let (length, address) = (message.bytes, message.address);
        let frame = bytes.get(..length).and_then(W::parse);
        Ok(address.zip(frame).map(|(address, frame)| Sighting {
            ifindex: address.ifindex() as u32,
            outgoing: address.pkttype() == libc::PACKET_OUTGOING,
            at,
            frame,
        }))
    }
}

/// Since 1970. The kernel stamps every frame of a socket that asked for it, late
/// if need be (`__sock_recv_timestamp` of net/socket.c).
fn arrival(message: &RecvMsg<LinkAddr>) -> nix::Result<Duration> {
    message
        .cmsgs()?
        .find_map(|control| match control {
            ControlMessageOwned::ScmTimestampns(stamp) => Some(stamp.into()),
            _ => None,
        })
        .ok_or(Errno::ENODATA)
}
