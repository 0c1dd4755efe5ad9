//! A synchronous application on an asynchronous server.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use http::{HeaderMap, StatusCode};

use super::run_blocking::RunBlocking;
use super::wsgi_to_asgi_call::Call;
use crate::asgi::{self, Receive, Scope};
use crate::error::Error;
use crate::queue::Limits;
use crate::wsgi;

/// A [`wsgi::Application`] as an [`asgi::Application`]: each call runs on a thread of `R`.
///
/// # Contract
///
/// - Only http scopes reach the application; others are [`UnsupportedScope`](crate::UnsupportedScope)
///   (A-148). A server takes that, for the lifespan, as "serves without". Who needs start-up and
///   shutdown puts a middleware around the bridge that answers the lifespan scope itself.
/// - Nothing blocks the executor (A-149): the application, the reading of its input, the iteration
///   and the close of its body are on the thread.
/// - `environ` owns the head of the scope, and its [`Environ`](wsgi::Environ) tells the variables
///   (A-150 to A-152, A-159).
/// - More than [`DEFAULT_FIELD_LIMIT`](Self::DEFAULT_FIELD_LIMIT) fields of one name are answered with
///   400 (A-153).
/// - The input blocks the thread until a block is there; one that is cut is an error (A-154, W-82).
/// - The head leaves with the first block that is not empty, `write(b"")`, or at the end (A-155, W-105).
///   Blocks pass through a hand-over bounded in blocks and octets, and the thread waits while that is
///   full (A-156, W-17). A response of one block is handed over whole, so that the server knows its length.
/// - The response is complete before the body is closed (A-71), which is once on every path, on the thread
///   (A-157). When the client is gone, or the server dropped the call, the next read or write on the thread
///   fails, and the iteration stops (A-158).
/// - An error or a panic is answered with 500, or what [`Error::status`] names, as long as the head is
///   not out (W-139), and is the error of the call in any case, which the server logs.
/// - [`Busy`](super::Busy) is answered with 503 and `retry-after: 1`; the application is not called.
/// - Observers are handed on to [`asgi::Send::observe`]: they learn what the server took.
///
/// # Cancel safety
///
/// A call that is dropped lets its thread fail at the next read or write; a job that did not begin
/// yet does not call the application any more.
///
/// # Examples
///
/// ```
/// use gateway_iface::bridge::{Job, WsgiToAsgi};
/// use gateway_iface::http::{HeaderMap, StatusCode};
/// use gateway_iface::wsgi::{Body, Environ, StartResponse};
/// use gateway_iface::Error;
///
/// fn hello(_: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
///     start_response.start(StatusCode::OK, HeaderMap::new())?;
///     Ok(Body::from("Hello, World!"))
/// }
///
/// // A thread for each request; a server brings a pool.
/// let app = WsgiToAsgi::new(hello, |job: Job| {
///     std::thread::spawn(|| job.run());
///     Ok(())
/// });
/// # use gateway_iface::http::Request;
/// # use gateway_iface::testing::{AsgiClient, block_on};
/// # let response = block_on(AsgiClient::new(app).request(Request::get("/").body("")?))?;
/// # assert_eq!(response.body(), "Hello, World!");
/// # Ok::<(), Error>(())
/// ```
pub struct WsgiToAsgi<A, R> {
    app: Arc<A>,
    runner: R,
    options: Options,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Options {
    pub(super) limits: Limits,
    pub(super) multiprocess: bool,
    field_limit: usize,
}

impl<A, R> WsgiToAsgi<A, R> {
    /// How many fields of one name a request may have (A-153).
    pub const DEFAULT_FIELD_LIMIT: usize = 100;

    /// How many blocks may wait between the thread and the server, in each direction.
    pub const DEFAULT_HANDOVER_BLOCKS: usize = 16;

    /// How many octets may wait between the thread and the server, in each direction.
    pub const DEFAULT_HANDOVER_OCTETS: usize = 64 * 1024;

    /// Runs `app` on the threads of `runner`.
    pub fn new(app: A, runner: R) -> Self {
        let limits = Limits { blocks: Self::DEFAULT_HANDOVER_BLOCKS, octets: Self::DEFAULT_HANDOVER_OCTETS };
        let options = Options { limits, multiprocess: false, field_limit: Self::DEFAULT_FIELD_LIMIT };
        Self { app: Arc::new(app), runner, options }
    }

    /// With `limit` fields of one name at most (A-153).
    #[must_use]
    pub const fn with_field_limit(mut self, limit: usize) -> Self {
        self.options.field_limit = limit;
        self
    }

    /// With a hand-over of at most `blocks` blocks and `octets` octets in each direction (A-156).
    ///
    /// One block, of whatever size, always fits.
    #[must_use]
    pub const fn with_handover(mut self, blocks: usize, octets: usize) -> Self {
        self.options.limits = Limits { blocks, octets };
        self
    }

    /// Whether other processes may run the application at the same time (A-160, W-53).
    #[must_use]
    pub const fn with_multiprocess(mut self, multiprocess: bool) -> Self {
        self.options.multiprocess = multiprocess;
        self
    }

    /// The application.
    pub fn get_ref(&self) -> &A {
        &self.app
    }
}

impl<A, R> asgi::Application for WsgiToAsgi<A, R>
where
    A: wsgi::Application + 'static,
    R: RunBlocking,
{
    fn call<'a, 'b>(
        &'a self,
        scope: Scope,
        receive: Receive,
        send: asgi::Send,
    ) -> Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        let scope = match scope.into_http() {
            Ok(scope) => scope,
            Err(error) => return Box::pin(std::future::ready(Err(error.into()))),
        };
        if has_more_of_one_name(scope.headers(), self.options.field_limit) {
            return Box::pin(Call::refuse(&self.runner, receive, send, StatusCode::BAD_REQUEST));
        }
        let app = Arc::<A>::clone(&self.app);
        Box::pin(Call::new(&self.runner, app, self.options, scope.into_head(), receive, send))
    }
}

impl<A, R> fmt::Debug for WsgiToAsgi<A, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WsgiToAsgi").field("options", &self.options).finish_non_exhaustive()
    }
}

/// Linear in the number of fields, and constant for every usual request.
fn has_more_of_one_name(headers: &HeaderMap, limit: usize) -> bool {
    let repeated = headers.len() - headers.keys_len();
    repeated >= limit && headers.keys().any(|name| headers.get_all(name).iter().nth(limit).is_some())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_153_the_limit_is_on_fields_of_one_name_not_on_all() {
        let mut headers = HeaderMap::new();
        for _ in 0..3 {
            headers.append("a", HeaderValue::from_static("1"));
            headers.append("b", HeaderValue::from_static("1"));
        }
        assert!(!has_more_of_one_name(&headers, 3));
        headers.append("b", HeaderValue::from_static("1"));
        assert!(has_more_of_one_name(&headers, 3));
        assert!(has_more_of_one_name(&headers, 0));
    }
}
