//! Runs a blocking call on a thread of its own and settles a promise.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::thread;

use napi::bindgen_prelude::{Object, ToNapiValue};
use napi::{Env, Error, JsDeferred, JsError, Status};

use crate::call_error::{CallError, During, Result};

/// Starts `call` and returns the promise of its result.
///
/// Not on libuv's pool (napi's `AsyncTask`): four waits there would stall every
/// file access and name resolution of Node, and process.exit() joins the pool,
/// so that it would last as long as the longest wait.
///
/// Throws EAGAIN when the process may not start another thread.
pub fn promise_of<T>(
    env: &Env,
    call: impl FnOnce() -> Result<T> + Send + 'static,
) -> napi::Result<Object<'_>>
where
    T: ToNapiValue + Send + 'static,
{
    // The thread first: a promise without it would stay pending.
    let (hand_over, deferred) = mpsc::sync_channel::<JsDeferred<T, _>>(1);
    thread::Builder::new()
        .name("rs-agent".to_owned())
        .spawn(move || {
            let outcome = catch_unwind(AssertUnwindSafe(call));
            // The other end is gone when there was no promise to be had.
            if let Ok(deferred) = deferred.recv() {
                deferred.resolve(move |env| match outcome {
                    Ok(result) => result.map_err(|error| exception(env, error)),
                    Err(_) => Err(panicked()),
                });
            }
        })
        .during(|| "start a thread")
        .map_err(|error| exception(*env, error))?;
    let (deferred, promise) = env.create_deferred()?;
    // The thread waits for it, so nothing is lost on the way.
    hand_over.send(deferred).map_err(|_| panicked())?;
    Ok(promise)
}

/// napi's own error cannot carry the name of an errno; JavaScript's can, and is
/// made where JavaScript runs.
fn exception(env: Env, error: CallError) -> Error {
    Error::from(JsError::from(Error::<String>::from(error)).into_unknown(env))
}

fn panicked() -> Error {
    Error::new(Status::GenericFailure, "panic in a worker thread")
}
