//! Frames out of an interface, and a device they can arrive on.

use napi::Env;
use napi::bindgen_prelude::{BufferSlice, Object};
use napi_derive::napi;

use super::Result;
use super::until_closed::UntilClosed;
use super::worker::promise_of;
use crate::{frame_sender, tap_device};

/// Sends whole Ethernet frames out of an interface (AF_PACKET), to the wire:
/// this host's own stack never sees them. Needs CAP_NET_RAW.
#[napi]
pub struct FrameSender(UntilClosed<frame_sender::FrameSender>);

#[napi]
impl FrameSender {
    /// Throws ENODEV, EPERM.
    #[napi(constructor, catch_unwind)]
    pub fn new(ifindex: u32) -> Result<Self> {
        let sender = frame_sender::FrameSender::open(ifindex)?;
        Ok(Self(UntilClosed::new("FrameSender", sender)))
    }

    /// Sends a frame without waiting for room. Throws EMSGSIZE above the MTU,
    /// EINVAL below 14 bytes, ENETDOWN, ENXIO once the interface is gone, EAGAIN
    /// and ENOBUFS without room.
    #[napi(catch_unwind)]
    pub fn send(&self, frame: BufferSlice) -> Result<()> {
        Ok(self.0.get()?.send(&frame)?)
    }

    /// Sends a frame `count` times, `perSecond` of them a second on average, and
    /// resolves to how many there was room for. close() ends it early.
    ///
    /// For load tests, on a thread of its own. Rejects with EINVAL for a rate of 0, else as send() throws.
    #[napi(ts_return_type = "Promise<number>", catch_unwind)]
    pub fn send_paced<'env>(
        &self,
        env: &'env Env,
        frame: BufferSlice,
        per_second: u32,
        count: u32,
    ) -> napi::Result<Object<'env>> {
        let sender = self.0.get();
        let frame = frame.to_vec();
        promise_of(env, move || sender?.send_paced(&frame, per_second, count))
    }

    /// Later calls of the others throw EBADF.
    #[napi(catch_unwind)]
    pub fn close(&mut self) {
        if let Some(sender) = self.0.close() {
            sender.close();
        }
    }
}

/// A TAP device that is gone once it is closed or the process ends, however it
/// ends. Frames written to it arrive on it. Needs CAP_NET_ADMIN.
#[napi]
pub struct TapDevice {
    device: UntilClosed<tap_device::TapDevice>,
    name: String,
    ifindex: u32,
}

#[napi]
impl TapDevice {
    /// Creates the device and brings it up. In the name, of at most 15 bytes, %d
    /// stands for the first free number. Throws ENOENT without /dev/net/tun,
    /// EPERM, EBUSY when the name is taken, EINVAL for what cannot be one.
    #[napi(constructor, catch_unwind)]
    pub fn new(name: String) -> Result<Self> {
        let device = tap_device::TapDevice::create(&name)?;
        Ok(Self {
            name: device.name().to_owned(),
            ifindex: device.ifindex(),
            device: UntilClosed::new("TapDevice", device),
        })
    }

    /// The name that the kernel gave it.
    #[napi(getter)]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its interface index.
    #[napi(getter)]
    pub fn ifindex(&self) -> u32 {
        self.ifindex
    }

    /// Makes a frame arrive on the device. Throws EIO while it is down, EINVAL
    /// below 14 bytes, EBADFD once somebody removed it.
    #[napi(catch_unwind)]
    pub fn write(&self, frame: BufferSlice) -> Result<()> {
        Ok(self.device.get()?.write(&frame)?)
    }

    /// Removes the device. A later write() throws EBADF.
    #[napi(catch_unwind)]
    pub fn close(&mut self) {
        self.device.close();
    }
}
