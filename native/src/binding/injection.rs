//! Frames into this host's own stack.

use napi::bindgen_prelude::BufferSlice;
use napi_derive::napi;

use super::Result;
use super::until_closed::UntilClosed;
use crate::injector;

/// Makes the stack take a frame as if it had arrived on the NIC, by running
/// bpf_clone_redirect on it (BPF_PROG_TEST_RUN, Linux 5.10 and later). Needs
/// CAP_NET_ADMIN and CAP_BPF, or CAP_SYS_ADMIN.
#[napi]
pub struct ClsInjector(UntilClosed<injector::ClsInjector>);

#[napi]
impl ClsInjector {
    /// Throws EPERM, and EINVAL or ENOSYS where the kernel cannot do it.
    #[napi(constructor, catch_unwind)]
    pub fn new(ifindex: u32) -> Result<Self> {
        let injector = injector::ClsInjector::load(ifindex)?;
        Ok(Self(UntilClosed::new("ClsInjector", injector)))
    }

    /// Whether the NIC took the frame (false is NET_RX_DROP): not when it is down,
    /// nor, before Linux 5.12, a frame above its MTU. Throws ENODEV when there is
    /// no such interface, EINVAL below 14 bytes, ENOTSUPP where the kernel cannot
    /// do it.
    #[napi(catch_unwind)]
    pub fn inject(&self, frame: BufferSlice) -> Result<bool> {
        Ok(self.0.get()?.inject(&frame)?)
    }

    /// Unloads the program. A later inject() throws EBADF.
    #[napi(catch_unwind)]
    pub fn close(&mut self) {
        self.0.close();
    }
}

/// Makes the stack take a frame as if it had arrived on the NIC, by a live run of
/// an XDP program that passes it on (BPF_PROG_TEST_RUN, Linux 5.18 and later).
/// Needs CAP_NET_ADMIN and CAP_BPF, or CAP_SYS_ADMIN.
#[napi]
pub struct XdpInjector(UntilClosed<injector::XdpInjector>);

#[napi]
impl XdpInjector {
    /// Throws EPERM, and EINVAL or ENOSYS where the kernel cannot do it.
    #[napi(constructor, catch_unwind)]
    pub fn new(ifindex: u32) -> Result<Self> {
        let injector = injector::XdpInjector::load(ifindex)?;
        Ok(Self(UntilClosed::new("XdpInjector", injector)))
    }

    /// True: the frame went to the stack. The kernel does not say whether the
    /// stack took it, and takes it for a NIC that is down too: watch for it with an
    /// ArpTap, which then sees nothing.
    ///
    /// Throws EINVAL where the kernel cannot do it and for a frame below 14 bytes
    /// or too large for a page, ENODEV when there is no such interface.
    #[napi(catch_unwind)]
    pub fn inject(&self, frame: BufferSlice) -> Result<bool> {
        self.0.get()?.inject(&frame)?;
        Ok(true)
    }

    /// Unloads the program. A later inject() throws EBADF.
    #[napi(catch_unwind)]
    pub fn close(&mut self) {
        self.0.close();
    }
}
