//! Runs a blocking call on a thread of libuv's pool and settles a promise.

use std::panic::{AssertUnwindSafe, catch_unwind};

use napi::bindgen_prelude::{AsyncTask, ToNapiValue, TypeName};
use napi::{Env, Error, JsError, Status, Task};

use crate::call_error::{CallError, Result};

/// A call for the pool, which has four threads unless UV_THREADPOOL_SIZE says
/// otherwise: file access and name resolution of Node wait for them too.
pub struct Worker<T>(Box<dyn Fn() -> Result<T> + Send>);

impl<T> Worker<T> {
    pub fn run(call: impl Fn() -> Result<T> + Send + 'static) -> AsyncTask<Self>
    where
        T: Send + ToNapiValue + TypeName + 'static,
    {
        AsyncTask::new(Self(Box::new(call)))
    }
}

impl<T: Send + ToNapiValue + TypeName + 'static> Task for Worker<T> {
    // napi's own error has no room for an errno name off the JavaScript thread.
    type Output = Result<T>;
    type JsValue = T;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        // napi catches panics of methods, not of tasks: one would abort Node.
        catch_unwind(AssertUnwindSafe(&self.0))
            .map_err(|_| Error::new(Status::GenericFailure, "panic in a worker thread"))
    }

    fn resolve(&mut self, env: Env, output: Self::Output) -> napi::Result<T> {
        output.map_err(|error| rejection(env, error))
    }
}

fn rejection(env: Env, error: CallError) -> Error {
    Error::from(JsError::from(Error::<String>::from(error)).into_unknown(env))
}
