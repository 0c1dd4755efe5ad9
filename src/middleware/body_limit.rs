//! Limits request bodies.

use std::io::{self, BufRead, Read};

use http::{HeaderMap, HeaderValue, Response, StatusCode, header};

use super::relay::Relay;
use crate::asgi::BodyLimitError;
use crate::asgi::call::CallFuture;
use crate::error::Error;
use crate::request::RequestHead;
use crate::wsgi::{Body, Input};
use crate::{asgi, wsgi};

/// Refuses request bodies of more than a number of octets with 413.
///
/// # Contract
///
/// - A length that is announced and too large is answered at once; the application is not called. One
///   that is announced and small enough is the server's to keep, and costs nothing here.
/// - A body whose length is not announced is counted while it is read. A body that is exactly as large as
///   the limit passes.
/// - Synchronous, over the limit: reading fails, every time, with an error that holds a
///   [`BodyLimitError`]. Passed on by the application (`?`), it is answered with 413.
/// - Asynchronous, over the limit: no event tells of a limit, so the application is told that its client is
///   gone ([`Disconnect::Client`](asgi::Disconnect::Client)), and can send nothing any more. When
///   its call is over, the request is answered with 413 here; by the server where the application has started
///   a response, which is broken off if its head is out. An error of its own making
///   goes on, with 413 unless it has a status. A response that is complete by then stands.
/// - WebSockets and lifespans pass untouched (A-144).
/// - What becomes of the rest of the body, and of the connection, is the server's decision (H-56).
///
/// A request that is counted costs two allocations (a synchronous one: one), every other one none. Counted
/// are those without a valid `content-length` or with `transfer-encoding`, whatever their method and version,
/// unless the server says that there is no body ([`RequestHead::is_bodiless`]); a synchronous one where the
/// input does not know its length.
///
/// # Examples
///
/// ```
/// use gateway_iface::http::Request;
/// use gateway_iface::middleware::BodyLimit;
/// use gateway_iface::testing::WsgiClient;
/// use gateway_iface::{Error, wsgi};
///
/// fn app(mut environ: wsgi::Environ, start_response: &mut dyn wsgi::StartResponse) -> Result<wsgi::Body, Error> {
///     let body = environ.input().read_all(usize::MAX)?;
///     start_response.text(200, body.into())
/// }
///
/// let client = WsgiClient::new(BodyLimit::new(app, 4));
/// assert_eq!(client.request(Request::post("/").body("four")?)?.status(), 200);
/// assert_eq!(client.request(Request::post("/").body("fives")?)?.status(), 413);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct BodyLimit<A> {
    inner: A,
    limit: usize,
}

impl<A> BodyLimit<A> {
    /// Lets bodies of up to `limit` octets through to `inner`.
    #[must_use]
    pub const fn new(inner: A, limit: usize) -> Self {
        Self { inner, limit }
    }

    /// The inner application.
    #[must_use]
    pub const fn get_ref(&self) -> &A {
        &self.inner
    }
}

impl<A: asgi::Application> BodyLimit<A> {
    async fn call_counted(
        &self,
        scope: asgi::Scope,
        receive: asgi::Receive,
        send: asgi::Send,
    ) -> Result<(), Error> {
        let (relay, receive, send) = Relay::new(receive, send).limited(self.limit as u64).share();
        let result = self.inner.call(scope, receive, send).await;
        if !relay.is_exceeded() || relay.is_answered() {
            return result;
        }
        match result {
            Err(error) if !error.is_disconnected() => Err(match error.status() {
                Some(_) => error,
                None => error.with_status(STATUS),
            }),
            _ => match relay.take_unanswered() {
                Some(send) => refuse(send).await,
                None => Err(BodyLimitError::new(self.limit).into()),
            },
        }
    }
}

impl<A: asgi::Application> asgi::Application for BodyLimit<A> {
    #[inline]
    fn call<'a, 'b>(&'a self, scope: asgi::Scope, receive: asgi::Receive, send: asgi::Send) -> CallFuture<'b>
    where
        'a: 'b,
        Self: 'b,
    {
        let asgi::Scope::Http(request) = &scope else {
            return self.inner.call(scope, receive, send);
        };
        match announced(request.head()) {
            Some(length) if length > self.limit as u64 => Box::pin(refuse(send)),
            Some(_) => self.inner.call(scope, receive, send),
            None => Box::pin(self.call_counted(scope, receive, send)),
        }
    }
}

impl<A: wsgi::Application> wsgi::Application for BodyLimit<A> {
    #[inline]
    fn call(
        &self,
        mut environ: wsgi::Environ,
        start_response: &mut dyn wsgi::StartResponse,
    ) -> Result<Body, Error> {
        let limit = self.limit as u64;
        let remaining = environ.input().remaining();
        if environ.content_length().max(remaining).is_some_and(|length| length > limit) {
            start_response.start(STATUS, text())?;
            return Ok(Body::from(REASON));
        }
        if remaining.is_none() {
            let counted = Counted { inner: environ.take_input(), left: limit, limit: self.limit };
            environ.set_input(Input::new(counted, None));
        }
        self.inner.call(environ, start_response)
    }
}

struct Counted {
    inner: Input,
    left: u64,
    limit: usize,
}

impl BufRead for Counted {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let block = self.inner.fill_buf()?;
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        if left == 0 && !block.is_empty() {
            return Err(io::Error::other(TooLarge(BodyLimitError::new(self.limit))));
        }
        Ok(&block[..block.len().min(left)])
    }

    fn consume(&mut self, len: usize) {
        self.left = self.left.saturating_sub(len as u64);
        self.inner.consume(len);
    }
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut block = self.fill_buf()?;
        let len = block.read(buffer)?;
        self.consume(len);
        Ok(len)
    }
}

/// Keeps the limit error visible behind [`io::Error`], which shows only the source of what it holds.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct TooLarge(#[source] BodyLimitError);

/// The length of the body, where the head says it; `None` where it has to be counted.
fn announced(head: &RequestHead) -> Option<u64> {
    if head.is_bodiless() {
        return Some(0);
    }
    let headers = head.headers();
    if headers.contains_key(header::TRANSFER_ENCODING) {
        return None;
    }
    head.content_length()
}

async fn refuse(mut send: asgi::Send) -> Result<(), Error> {
    let mut response = Response::new(REASON);
    *response.status_mut() = STATUS;
    *response.headers_mut() = text();
    Ok(send.respond(response).await?)
}

fn text() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers
}

const STATUS: StatusCode = StatusCode::PAYLOAD_TOO_LARGE;
const REASON: &str = "Payload Too Large";

#[cfg(test)]
#[path = "body_limit_tests.rs"]
mod tests;
