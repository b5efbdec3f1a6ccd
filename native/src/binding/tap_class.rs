//! What the classes of taps have in common: all but their constructors.

/// The methods of a class that holds `UntilClosed<Tap<_>>` and shows sightings as
/// the object `$sighting`, which it is to be made of.
macro_rules! tap_class {
    ($class:ident, $sighting:ident, $promise:literal) => {
        #[napi]
        impl $class {
            /// Resolves with everything queued as soon as that is anything; with []
            /// after timeoutMs, or when the tap is closed meanwhile.
            ///
            /// Waits on a thread of its own. Rejects with ENETDOWN once when its only
            /// interface is down or went down, and with EBADF when it is closed already.
            #[napi(ts_return_type = $promise, catch_unwind)]
            pub fn receive<'env>(
                &self,
                env: &'env Env,
                timeout_ms: f64,
            ) -> napi::Result<Object<'env>> {
                let tap = self.0.get();
                // The cast takes what is below 0, and what is no number, for 0.
                let timeout = Duration::from_micros((timeout_ms * 1e3) as u64);
                promise_of(env, move || {
                    let seen = tap?.receive(timeout)?;
                    Ok(seen.into_iter().map($sighting::from).collect::<Vec<_>>())
                })
            }

            /// What is queued now, without waiting; of at most 4096 frames.
            /// Throws as receive() rejects.
            #[napi(catch_unwind)]
            pub fn drain(&self) -> Result<Vec<$sighting>> {
                let seen = self.0.get()?.drain()?;
                Ok(seen.into_iter().map($sighting::from).collect())
            }

            /// Frames that found the buffer full since the last call (PACKET_STATISTICS).
            #[napi(catch_unwind)]
            pub fn take_drop_count(&self) -> Result<u32> {
                Ok(self.0.get()?.take_drop_count()?)
            }

            /// Ends a receive() under way too. Later calls of the others throw EBADF.
            #[napi(catch_unwind)]
            pub fn close(&mut self) {
                if let Some(tap) = self.0.close() {
                    tap.close();
                }
            }
        }
    };
}

pub(super) use tap_class;
