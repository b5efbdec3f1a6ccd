//! What Node sees: types across, errors with an errno name as their `code`, and
//! `close()`. Nothing is decided here.

pub mod arp;
pub mod echo;
pub mod frames;
pub mod injection;
pub mod lock;
pub mod ndp;
pub mod netlink;
pub mod service;
pub mod tcp;

mod address;
mod tap_class;
mod until_closed;
mod worker;

use crate::call_error::CallError;

/// A JavaScript `Error` whose `code` is the name of an errno.
type Result<T> = std::result::Result<T, napi::Error<String>>;

impl From<CallError> for napi::Error<String> {
    fn from(error: CallError) -> Self {
        Self::new(error.code().into_owned(), error.to_string())
    }
}
