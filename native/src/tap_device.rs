//! A TAP device: what is written to it arrives on it.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::OpenOptionsExt;

use libc::{IFF_NO_PI, IFF_TAP, IFF_TUN_EXCL, IFF_UP, Ioctl, c_char, c_short, ifreq};
use nix::errno::Errno;
use nix::net::if_::if_nametoindex;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use crate::call_error::{CallError, During, Result};

/// An Ethernet device of this process, in the network namespace of the thread
/// that created it. The kernel removes it when this is dropped or the process
/// ends, however it ends.
#[derive(Debug)]
pub struct TapDevice {
    device: File,
    name: String,
    ifindex: u32,
}

impl TapDevice {
    /// Creates the device and brings it up. In `name`, `%d` stands for the first
    /// free number; at most 15 bytes.
    ///
    /// Errors: `ENOENT` without /dev/net/tun, `EPERM` without `CAP_NET_ADMIN`,
    /// `EBUSY` when the name is taken, `EINVAL` for what cannot be a name.
    pub fn create(name: &str) -> Result<Self> {
        let device = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_NONBLOCK)
            .open("/dev/net/tun")
            .during(|| "open(/dev/net/tun)")?;
        let mut request = request_for(name)?;
        // Exclusive: a persistent device of that name would outlive this process.
        request.ifr_ifru.ifru_flags = (IFF_TAP | IFF_NO_PI | IFF_TUN_EXCL) as c_short;
        ioctl(&device, libc::TUNSETIFF, &mut request)
            .during(|| format!("ioctl(TUNSETIFF, {name})"))?;
        bring_up(&mut request).during(|| format!("ioctl(SIOCSIFFLAGS, {name})"))?;
        let name = name_in(&request);
        let ifindex =
            if_nametoindex(name.as_str()).during(|| format!("ioctl(SIOCGIFINDEX, {name})"))?;
        Ok(Self {
            device,
            name,
            ifindex,
        })
    }

    /// The name that the kernel gave it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its interface index.
    pub fn ifindex(&self) -> u32 {
        self.ifindex
    }

    /// Makes `frame` arrive on the device.
    ///
    /// Errors: `EIO` while the device is down, `EINVAL` below 14 bytes, `EBADFD`
    /// once somebody removed it.
    pub fn write(&self, frame: &[u8]) -> Result<()> {
        // One write is one frame, whole or not at all.
        (&self.device)
            .write(frame)
            .map(drop)
            .during(|| format!("write({}, {} bytes)", self.name, frame.len()))
    }
}

fn bring_up(request: &mut ifreq) -> nix::Result<()> {
    // Any socket of the namespace does for netdevice(7).
    let socket = socket(
        AddressFamily::Inet,
        SockType::Datagram,
        SockFlag::SOCK_CLOEXEC,
        None,
    )?;
    ioctl(&socket, libc::SIOCGIFFLAGS, request)?;
    // SAFETY: SIOCGIFFLAGS just filled this member in.
    let flags = unsafe { request.ifr_ifru.ifru_flags };
    request.ifr_ifru.ifru_flags = flags | IFF_UP as c_short;
    ioctl(&socket, libc::SIOCSIFFLAGS, request)
}

/// For requests that take a `struct ifreq` and write nothing beyond it.
fn ioctl(descriptor: &impl AsFd, request: Ioctl, argument: &mut ifreq) -> nix::Result<()> {
    // SAFETY: the pointer is of a whole `ifreq`, as the requests above want it,
    // and nothing else reads or writes it meanwhile.
    let result =
        unsafe { libc::ioctl(descriptor.as_fd().as_raw_fd(), request, &raw mut *argument) };
    Errno::result(result).map(drop)
}

fn request_for(name: &str) -> Result<ifreq> {
    let mut request = ifreq {
        ifr_name: [0; libc::IFNAMSIZ],
        ifr_ifru: libc::__c_anonymous_ifr_ifru { ifru_flags: 0 },
    };
    // The last byte stays zero. An empty name would let the kernel choose one.
    if name.is_empty() || name.len() >= libc::IFNAMSIZ || name.contains('\0') {
        return Err(CallError::new(
            format!("TAP device named {name:?}"),
            Errno::EINVAL,
        ));
    }
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from as c_char;
    }
    Ok(request)
}

fn name_in(request: &ifreq) -> String {
    let bytes: Vec<u8> = request
        .ifr_name
        .iter()
        .map(|byte| *byte as u8)
        .take_while(|byte| *byte != 0)
        .collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_names_of_up_to_15_bytes() {
        for name in ["t", "rsagent%d", "fifteen-bytes-x"] {
            assert_eq!(name_in(&request_for(name).unwrap()), name);
        }
        for name in ["", "sixteen-bytes-xx", "nul\0"] {
            assert_eq!(
                request_for(name).err().unwrap().code(),
                "EINVAL",
                "{name:?}"
            );
        }
    }
}
