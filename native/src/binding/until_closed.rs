//! What a JavaScript object owns until its `close()`.

use std::sync::Arc;

use nix::errno::Errno;

use crate::call_error::{CallError, Result};

/// Shared with worker threads, which may still use it when it is closed. Use
/// after that is `EBADF`, as with a descriptor.
pub struct UntilClosed<T> {
    class: &'static str,
    owned: Option<Arc<T>>,
}

impl<T> UntilClosed<T> {
    pub fn new(class: &'static str, owned: T) -> Self {
        Self {
            class,
            owned: Some(Arc::new(owned)),
        }
    }

    pub fn get(&self) -> Result<Arc<T>> {
        self.owned
            .clone()
            .ok_or_else(|| CallError::new(format!("use of a closed {}", self.class), Errno::EBADF))
    }

    /// What it owned, the first time.
    pub fn close(&mut self) -> Option<Arc<T>> {
        self.owned.take()
    }
}
