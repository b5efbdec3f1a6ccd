//! The one error of this crate: a call that the kernel (or this crate, in its
//! place) turned down with an errno.

use std::borrow::Cow;
use std::{error, fmt, io};

use nix::errno::Errno;

/// `ENOTSUPP` of the kernel's include/linux/errno.h. It is not part of the user
/// space API, yet bpf(2) lets it through where a program type cannot be test-run.
const ENOTSUPP: i32 = 524;

/// What every fallible function of this crate returns.
pub type Result<T> = std::result::Result<T, CallError>;

/// A call that failed: what was called, on what, and the errno it gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallError {
    call: String,
    errno: i32,
}

impl CallError {
    /// `call` reads like the start of a sentence: `bind(AF_PACKET, ifindex 3)`.
    pub fn new(call: impl Into<String>, errno: Errno) -> Self {
        Self::from_raw(call, errno as i32)
    }

    /// For an errno that libc has no name for, such as 524.
    pub fn from_raw(call: impl Into<String>, errno: i32) -> Self {
        Self {
            call: call.into(),
            errno,
        }
    }

    /// The call failed just now and left its errno in this thread.
    pub fn last(call: impl Into<String>) -> Self {
        Self::from_raw(call, Errno::last_raw())
    }

    /// The errno's name, `EPERM` for 1. It becomes `error.code` in JavaScript.
    pub fn code(&self) -> Cow<'static, str> {
        match (self.errno, Errno::from_raw(self.errno)) {
            (ENOTSUPP, _) => Cow::Borrowed("ENOTSUPP"),
            (number, Errno::UnknownErrno) => Cow::Owned(format!("ERRNO_{number}")),
            // nix spells its variants as errno.h does.
            (_, known) => Cow::Owned(format!("{known:?}")),
        }
    }

    fn description(&self) -> &'static str {
        match self.errno {
            ENOTSUPP => "Operation is not supported",
            number => Errno::from_raw(number).desc(),
        }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.call, self.code(), self.description())
    }
}

impl error::Error for CallError {}

/// Says which call a bare errno came from.
pub trait During<T> {
    /// `call` is built only for a failure.
    fn during<C: Into<String>>(self, call: impl FnOnce() -> C) -> Result<T>;
}

impl<T> During<T> for nix::Result<T> {
    fn during<C: Into<String>>(self, call: impl FnOnce() -> C) -> Result<T> {
        self.map_err(|errno| CallError::new(call(), errno))
    }
}

impl<T> During<T> for io::Result<T> {
    fn during<C: Into<String>>(self, call: impl FnOnce() -> C) -> Result<T> {
        // Errors that std makes up itself carry no errno; they stand for bad input.
        self.map_err(|cause| {
            CallError::from_raw(call(), cause.raw_os_error().unwrap_or(libc::EINVAL))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_call_code_and_description() {
        let error = CallError::new("bpf(BPF_PROG_LOAD)", Errno::EPERM);
        assert_eq!(
            error.to_string(),
            "bpf(BPF_PROG_LOAD): EPERM: Operation not permitted"
        );
    }

    #[test]
    fn names_the_errno_that_libc_does_not_know() {
        assert_eq!(CallError::from_raw("bpf", 524).code(), "ENOTSUPP");
        assert_eq!(CallError::from_raw("bpf", 4000).code(), "ERRNO_4000");
    }

    #[test]
    fn keeps_the_errno_of_an_io_error() {
        let failed: io::Result<()> = Err(io::Error::from_raw_os_error(libc::ENETDOWN));
        assert_eq!(failed.during(|| "send").unwrap_err().code(), "ENETDOWN");
    }
}
