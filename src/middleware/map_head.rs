//! Changes the heads of responses.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{HeaderMap, StatusCode};

use crate::asgi::call::CallFuture;
use crate::asgi::event::SendEvent;
use crate::asgi::{PollSend, SendError};
use crate::error::Error;
use crate::outcome::Observe;
use crate::{asgi, wsgi};

/// Changes status and header fields of every response of the inner application.
///
/// # Contract
///
/// - Each head is changed once: that of [`start`](wsgi::StartResponse::start), that of
///   [`restart`](wsgi::StartResponse::restart) (W-136), and that of a WebSocket's denial (A-125).
///   What opens a WebSocket is no response, and passes with its messages; so do lifespans.
/// - Nothing else of a response is touched. A change that makes `content-length` wrong, or the status no
///   final one, is an invalid head to the server.
/// - Answers of the server's own are not seen here: those to errors, unless
///   [`CatchError`](super::CatchError) stands inside.
///
/// It costs one allocation for each request, none for a synchronous one.
///
/// # Examples
///
/// ```
/// use gateway_iface::http::{HeaderValue, Request, header};
/// use gateway_iface::middleware::MapHead;
/// use gateway_iface::testing::{AsgiClient, block_on};
/// use gateway_iface::{Error, asgi};
///
/// async fn app(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
///     scope.into_http()?;
///     send.text(200, "hello").await?;
///     Ok(())
/// }
///
/// let app = MapHead::new(app, |_, headers| {
///     headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
/// });
/// let response = block_on(AsgiClient::new(app).request(Request::get("/").body("")?))?;
/// assert_eq!(response.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
/// # Ok::<(), Error>(())
/// ```
pub struct MapHead<A, F> {
    inner: A,
    change: Arc<F>,
}

impl<A, F: Fn(&mut StatusCode, &mut HeaderMap) + Send + Sync + 'static> MapHead<A, F> {
    /// Has `change` see every head that `inner` sends.
    #[must_use]
    pub fn new(inner: A, change: F) -> Self {
        Self { inner, change: Arc::new(change) }
    }
}

impl<A, F> MapHead<A, F> {
    /// The inner application.
    #[must_use]
    pub const fn get_ref(&self) -> &A {
        &self.inner
    }
}

impl<A, F> asgi::Application for MapHead<A, F>
where
    A: asgi::Application,
    F: Fn(&mut StatusCode, &mut HeaderMap) + Send + Sync + 'static,
{
    fn call<'a, 'b>(
        &'a self,
        scope: asgi::Scope,
        receive: asgi::Receive,
        mut send: asgi::Send,
    ) -> CallFuture<'b>
    where
        'a: 'b,
        Self: 'b,
    {
        if !matches!(scope, asgi::Scope::Lifespan(_)) {
            send = asgi::Send::new(Changing { inner: send, change: Arc::clone(&self.change), changed: None });
        }
        self.inner.call(scope, receive, send)
    }
}

impl<A, F> wsgi::Application for MapHead<A, F>
where
    A: wsgi::Application,
    F: Fn(&mut StatusCode, &mut HeaderMap) + Send + Sync + 'static,
{
    fn call(
        &self,
        environ: wsgi::Environ,
        start_response: &mut dyn wsgi::StartResponse,
    ) -> Result<wsgi::Body, Error> {
        self.inner.call(environ, &mut Starting { inner: start_response, change: &*self.change })
    }
}

impl<A: Clone, F> Clone for MapHead<A, F> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), change: Arc::clone(&self.change) }
    }
}

impl<A: fmt::Debug, F> fmt::Debug for MapHead<A, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MapHead").field("inner", &self.inner).finish_non_exhaustive()
    }
}

struct Changing<F> {
    inner: asgi::Send,
    change: Arc<F>,
    /// A start that the server had no room for. It counts as sent: content follows it, and changing it
    /// again would be wrong.
    changed: Option<SendEvent>,
}

impl<F> Changing<F> {
    fn poll_changed(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        if self.changed.is_none() {
            return Poll::Ready(Ok(()));
        }
        self.inner.poll_send(cx, &mut self.changed)
    }
}

impl<F: Fn(&mut StatusCode, &mut HeaderMap) + Send + Sync> PollSend for Changing<F> {
    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        slot: &mut Option<SendEvent>,
    ) -> Poll<Result<(), SendError>> {
        if let Err(error) = ready!(self.poll_changed(cx)) {
            *slot = None;
            return Poll::Ready(Err(error));
        }
        match slot {
            Some(SendEvent::ResponseStart(start)) => (self.change)(&mut start.status, &mut start.headers),
            Some(SendEvent::WebSocketDenialStart(start)) => {
                (self.change)(&mut start.status, &mut start.headers);
            }
            _ => return self.inner.poll_send(cx, slot),
        }
        let polled = self.inner.poll_send(cx, slot);
        if polled.is_pending() {
            self.changed = slot.take();
            return Poll::Ready(Ok(()));
        }
        polled
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        ready!(self.poll_changed(cx))?;
        self.inner.poll_flush(cx)
    }

    fn observe(&self, observer: Arc<dyn Observe>) {
        self.inner.observe(observer);
    }
}

struct Starting<'a, F> {
    inner: &'a mut dyn wsgi::StartResponse,
    change: &'a F,
}

impl<F: Fn(&mut StatusCode, &mut HeaderMap)> wsgi::StartResponse for Starting<'_, F> {
    fn start(&mut self, mut status: StatusCode, mut headers: HeaderMap) -> Result<(), Error> {
        (self.change)(&mut status, &mut headers);
        self.inner.start(status, headers)
    }

    fn restart(&mut self, mut status: StatusCode, mut headers: HeaderMap, cause: Error) -> Result<(), Error> {
        (self.change)(&mut status, &mut headers);
        self.inner.restart(status, headers, cause)
    }

    fn write(&mut self, data: &[u8]) -> io::Result<()> {
        self.inner.write(data)
    }

    fn observe(&mut self, observer: Arc<dyn Observe>) {
        self.inner.observe(observer);
    }
}

#[cfg(test)]
#[path = "map_head_tests.rs"]
mod tests;
