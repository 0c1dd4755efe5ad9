//! Ends a call that takes too long.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http::StatusCode;

use super::relay::Relay;
use crate::asgi;
use crate::asgi::call::CallFuture;
use crate::error::Error;

/// Drops the call of the inner application when it takes longer than its limit.
///
/// This crate has no timer, so the caller hands one in: `tokio::time::sleep`, or whatever the runtime
/// has.
///
/// # Contract
///
/// - The limit is on the whole call, from its begin to its end; with
///   [`until_head`](Self::until_head), up to the first content of the response.
/// - A call over its limit is dropped, and ends with [`Elapsed`]. Before the head is out that is answered
///   with 503, by the server or by a [`CatchError`](super::CatchError) around it: what the application
///   has started by then is replaced (A-106). Afterwards the server breaks the response off, so that
///   the client sees the cut (H-87).
/// - It is 503 (no answer can be given for now), not 408, which blames a client that was slow to send, nor 504,
///   which is for one server that waits for another; [`with_status`](Self::with_status) sets another.
/// - WebSockets and lifespans have no limit; they pass untouched (A-144).
/// - An application that blocks its thread is not ended, and neither is what it spawned.
///
/// There is none for synchronous applications: a thread cannot be made to stop. Their server's limits
/// on reading and writing end what waits for a client, and
/// [`WsgiToAsgi`](crate::bridge::WsgiToAsgi) can stand inside this one: its client gets the answer, while the
/// thread goes on until it next reads or writes.
///
/// It costs one allocation for each request, and one more with [`until_head`](Self::until_head).
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use gateway_iface::http::Request;
/// use gateway_iface::middleware::Timeout;
/// use gateway_iface::testing::AsgiClient;
/// use gateway_iface::{Error, asgi};
///
/// async fn stuck(_: asgi::Scope, _: asgi::Receive, _: asgi::Send) -> Result<(), Error> {
///     std::future::pending().await
/// }
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Error> {
/// let app = Timeout::new(stuck, Duration::from_millis(10), tokio::time::sleep);
/// let response = AsgiClient::new(app).request(Request::get("/").body("")?).await?;
/// assert_eq!(response.status(), 503);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Timeout<A, F> {
    inner: A,
    limit: Duration,
    sleep: F,
    status: StatusCode,
    until_head: bool,
}

impl<A, F, Fut> Timeout<A, F>
where
    F: Fn(Duration) -> Fut + Send + Sync,
    Fut: Future<Output = ()> + Send + 'static,
{
    /// Gives each call of `inner` that time; `sleep` makes a future that is ready when it has passed.
    #[must_use]
    pub const fn new(inner: A, limit: Duration, sleep: F) -> Self {
        Self { inner, limit, sleep, status: StatusCode::SERVICE_UNAVAILABLE, until_head: false }
    }
}

impl<A, F> Timeout<A, F> {
    /// The limit ends with the first content of the response: for one that may go on for ever, such as
    /// server-sent events.
    #[must_use]
    pub const fn until_head(mut self) -> Self {
        self.until_head = true;
        self
    }

    /// Answers with this status, 400 to 599.
    #[must_use]
    pub const fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// The inner application.
    #[must_use]
    pub const fn get_ref(&self) -> &A {
        &self.inner
    }
}

impl<A, F, Fut> Timeout<A, F>
where
    A: asgi::Application,
    F: Fn(Duration) -> Fut + Send + Sync,
    Fut: Future<Output = ()> + Send + 'static,
{
    async fn call_limited(
        &self,
        scope: asgi::Scope,
        mut receive: asgi::Receive,
        mut send: asgi::Send,
    ) -> Result<(), Error> {
        let mut sleep = pin!(Some((self.sleep)(self.limit)));
        let mut relay: Option<Arc<Relay>> = None;
        if self.until_head {
            let (handle, relayed_receive, relayed_send) = Relay::new(receive, send).share();
            (relay, receive, send) = (Some(handle), relayed_receive, relayed_send);
        }
        let mut call = self.inner.call(scope, receive, send);
        poll_fn(|cx| {
            if let Poll::Ready(result) = call.as_mut().poll(cx) {
                return Poll::Ready(result);
            }
            if relay.as_ref().is_some_and(|relay| relay.has_content()) {
                relay = None;
                sleep.set(None);
            }
            match sleep.as_mut().as_pin_mut() {
                Some(sleep) => sleep.poll(cx).map(|()| {
                    let elapsed = Elapsed { limit: self.limit };
                    Err(Error::from(elapsed).with_status(self.status))
                }),
                None => Poll::Pending,
            }
        })
        .await
    }
}

impl<A, F, Fut> asgi::Application for Timeout<A, F>
where
    A: asgi::Application,
    F: Fn(Duration) -> Fut + Send + Sync,
    Fut: Future<Output = ()> + Send + 'static,
{
    fn call<'a, 'b>(&'a self, scope: asgi::Scope, receive: asgi::Receive, send: asgi::Send) -> CallFuture<'b>
    where
        'a: 'b,
        Self: 'b,
    {
        if matches!(scope, asgi::Scope::Http(_)) {
            Box::pin(self.call_limited(scope, receive, send))
        } else {
            self.inner.call(scope, receive, send)
        }
    }
}

impl<A: fmt::Debug, F> fmt::Debug for Timeout<A, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timeout")
            .field("inner", &self.inner)
            .field("limit", &self.limit)
            .field("status", &self.status)
            .field("until_head", &self.until_head)
            .finish_non_exhaustive()
    }
}

/// The call took longer than its [`Timeout`].
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the application took longer than {limit:?}")]
pub struct Elapsed {
    limit: Duration,
}

impl Elapsed {
    /// The limit.
    #[must_use]
    pub const fn limit(&self) -> Duration {
        self.limit
    }
}

#[cfg(test)]
#[path = "timeout_tests.rs"]
mod tests;
