//! The lock that keeps two runs apart.

use std::path::Path;

use napi_derive::napi;

use super::Result;
use crate::file_lock;

/// An exclusive advisory lock on a file (flock and F_OFD_SETLK), held until release() or the end
/// of the process, however it ends.
#[napi]
pub struct FileLock(Option<file_lock::FileLock>);

#[napi]
impl FileLock {
    /// null when somebody else holds it. Creates the file with mode 0600 and never
    /// removes it. Throws as open(2) fails; ELOOP for a symbolic link.
    #[napi(catch_unwind)]
    pub fn try_acquire(path: String) -> Result<Option<FileLock>> {
        let held = file_lock::FileLock::try_acquire(Path::new(&path))?;
        Ok(held.map(|lock| Self(Some(lock))))
    }

    /// Whether somebody holds the lock; asking takes nothing. Throws as open(2) fails, but
    /// for a file that is not there.
    #[napi(catch_unwind)]
    pub fn is_held(path: String) -> Result<bool> {
        Ok(file_lock::FileLock::is_held(Path::new(&path))?)
    }

    /// The second time it does nothing.
    #[napi(catch_unwind)]
    pub fn release(&mut self) {
        self.0 = None;
    }
}
