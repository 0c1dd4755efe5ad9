//! Gives each request a name.

use std::collections::hash_map::RandomState;
use std::fmt::{self, Write as _};
use std::hash::BuildHasher;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::SystemTime;

use bytes::BytesMut;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::asgi::call::CallFuture;
use crate::asgi::event::SendEvent;
use crate::asgi::{PollSend, SendError};
use crate::error::Error;
use crate::outcome::Observe;
use crate::request::RequestHead;
use crate::{asgi, wsgi};

/// Puts an id into the header fields of each request and of its response: `x-request-id`.
///
/// # Contract
///
/// - The request that the inner application sees has exactly one such field, the id; `HTTP_X_REQUEST_ID`
///   shows it. What the client sent is replaced, unless [`trust_incoming`](Self::trust_incoming) is
///   set and it is one field of 1 to 128 octets out of `A-Z a-z 0-9 - _ . :`.
/// - The response has the same field, in place of one that the application set; also after a
///   [`restart`](wsgi::StartResponse::restart) (W-136). A WebSocket has it in its scope, and in the answer
///   to its handshake: the accept, or the denial. Lifespans pass untouched (A-144).
/// - An id made here is unique in this process, and very likely elsewhere. It is no secret: who knows
///   one can guess others. [`with_generator`](Self::with_generator) takes another source.
/// - With [`with_extension`](Self::with_extension), the application finds it as a [`RequestIdValue`], which it
///   cannot mistake for one that a client made up.
///
/// It costs one allocation for each request, none for a synchronous one. A generator of one's own adds
/// two, the extension three where a request has none before.
///
/// # Examples
///
/// ```
/// use gateway_iface::http::Request;
/// use gateway_iface::middleware::RequestId;
/// use gateway_iface::testing::{AsgiClient, block_on};
/// use gateway_iface::{Error, asgi};
///
/// async fn app(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
///     let request = scope.into_http()?;
///     let id = request.headers()["x-request-id"].to_str()?.to_owned();
///     send.text(200, id).await?;
///     Ok(())
/// }
///
/// let client = AsgiClient::new(RequestId::new(app));
/// let one = block_on(client.request(Request::get("/").body("")?))?;
/// let two = block_on(client.request(Request::get("/").body("")?))?;
/// assert_eq!(one.headers()["x-request-id"], one.text().as_ref());
/// assert_ne!(one.text(), two.text());
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone)]
pub struct RequestId<A> {
    inner: A,
    counter: Arc<Mutex<Counter>>,
    generator: Option<Arc<dyn Fn() -> String + Send + Sync>>,
    trusts: bool,
    extends: bool,
}

impl<A> RequestId<A> {
    /// Gives each request of `inner` an id.
    #[must_use]
    pub fn new(inner: A) -> Self {
        let counter = Arc::new(Mutex::new(Counter::new()));
        Self { inner, counter, generator: None, trusts: false, extends: false }
    }

    /// Takes the id that a request brings, where it is a valid one: behind a proxy that sets it.
    #[must_use]
    pub const fn trust_incoming(mut self) -> Self {
        self.trusts = true;
        self
    }

    /// Takes ids from this; one that is not valid is replaced by one of the default kind.
    #[must_use]
    pub fn with_generator(mut self, generator: impl Fn() -> String + Send + Sync + 'static) -> Self {
        self.generator = Some(Arc::new(generator));
        self
    }

    /// Puts the id into the extensions of the request as well.
    #[must_use]
    pub const fn with_extension(mut self) -> Self {
        self.extends = true;
        self
    }

    /// The inner application.
    #[must_use]
    pub const fn get_ref(&self) -> &A {
        &self.inner
    }

    /// Names the request.
    fn name(&self, head: &mut RequestHead) -> HeaderValue {
        let incoming = if self.trusts { incoming(head.headers()) } else { None };
        let id = incoming.unwrap_or_else(|| self.next());
        head.headers_mut().insert(NAME, id.clone());
        if self.extends {
            head.extensions_mut().insert(RequestIdValue { id: id.clone() });
        }
        id
    }

    fn next(&self) -> HeaderValue {
        if let Some(generator) = &self.generator {
            let id = generator();
            if is_valid(id.as_bytes())
                && let Ok(id) = HeaderValue::try_from(id)
            {
                return id;
            }
        }
        self.counter.lock().unwrap_or_else(PoisonError::into_inner).next()
    }
}

impl<A: asgi::Application> asgi::Application for RequestId<A> {
    fn call<'a, 'b>(
        &'a self,
        mut scope: asgi::Scope,
        receive: asgi::Receive,
        mut send: asgi::Send,
    ) -> CallFuture<'b>
    where
        'a: 'b,
        Self: 'b,
    {
        if let Some(head) = scope.head_mut() {
            send = asgi::Send::new(Naming { inner: send, id: self.name(head) });
        }
        self.inner.call(scope, receive, send)
    }
}

impl<A: wsgi::Application> wsgi::Application for RequestId<A> {
    fn call(
        &self,
        mut environ: wsgi::Environ,
        start_response: &mut dyn wsgi::StartResponse,
    ) -> Result<wsgi::Body, Error> {
        let id = self.name(environ.head_mut());
        self.inner.call(environ, &mut Starting { inner: start_response, id })
    }
}

impl<A: fmt::Debug> fmt::Debug for RequestId<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestId")
            .field("inner", &self.inner)
            .field("trusts", &self.trusts)
            .field("extends", &self.extends)
            .finish_non_exhaustive()
    }
}

/// The id that a [`RequestId`] gave the request, in its extensions.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RequestIdValue {
    id: HeaderValue,
}

impl RequestIdValue {
    /// That of the request with this head, where [`RequestId::with_extension`] put it.
    #[must_use]
    pub fn of(head: &RequestHead) -> Option<&Self> {
        head.extensions().get()
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.id.to_str().unwrap_or_default()
    }
}

impl fmt::Display for RequestIdValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Inserting twice is as inserting once, so an event that has to wait may pass again.
struct Naming {
    inner: asgi::Send,
    id: HeaderValue,
}

impl PollSend for Naming {
    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        slot: &mut Option<SendEvent>,
    ) -> Poll<Result<(), SendError>> {
        let headers = match slot {
            Some(SendEvent::ResponseStart(start)) => Some(&mut start.headers),
            Some(SendEvent::WebSocketAccept(accept)) => Some(&mut accept.headers),
            Some(SendEvent::WebSocketDenialStart(start)) => Some(&mut start.headers),
            _ => None,
        };
        if let Some(headers) = headers {
            headers.insert(NAME, self.id.clone());
        }
        self.inner.poll_send(cx, slot)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        self.inner.poll_flush(cx)
    }

    fn observe(&self, observer: Arc<dyn Observe>) {
        self.inner.observe(observer);
    }
}

struct Starting<'a> {
    inner: &'a mut dyn wsgi::StartResponse,
    id: HeaderValue,
}

impl wsgi::StartResponse for Starting<'_> {
    fn start(&mut self, status: StatusCode, mut headers: HeaderMap) -> Result<(), Error> {
        headers.insert(NAME, self.id.clone());
        self.inner.start(status, headers)
    }

    fn restart(&mut self, status: StatusCode, mut headers: HeaderMap, cause: Error) -> Result<(), Error> {
        headers.insert(NAME, self.id.clone());
        self.inner.restart(status, headers, cause)
    }

    fn write(&mut self, data: &[u8]) -> io::Result<()> {
        self.inner.write(data)
    }

    fn observe(&mut self, observer: Arc<dyn Observe>) {
        self.inner.observe(observer);
    }
}

/// Makes ids of a number that is drawn once, and a count.
struct Counter {
    seed: u64,
    count: u64,
    /// Ids are cut off it, so that one allocation serves many; an id that is kept keeps it.
    buffer: BytesMut,
}

impl Counter {
    fn new() -> Self {
        // The standard library draws its keys from the system; the rest is for one that has nothing to draw from.
        let seed = RandomState::new().hash_one((SystemTime::now(), std::process::id()));
        Self { seed, count: 0, buffer: BytesMut::with_capacity(BUFFER) }
    }

    fn next(&mut self) -> HeaderValue {
        self.count += 1;
        // Writing to a buffer that grows does not fail.
        let _ = write!(self.buffer, "{:016x}-{:x}", self.seed, self.count);
        let id = self.buffer.split().freeze();
        HeaderValue::from_maybe_shared(id).unwrap_or_else(|_| HeaderValue::from(self.count))
    }
}

fn incoming(headers: &HeaderMap) -> Option<HeaderValue> {
    let mut values = headers.get_all(NAME).iter();
    match (values.next(), values.next()) {
        (Some(id), None) if is_valid(id.as_bytes()) => Some(id.clone()),
        _ => None,
    }
}

fn is_valid(id: &[u8]) -> bool {
    let allowed = |octet: &u8| octet.is_ascii_alphanumeric() || b"-_.:".contains(octet);
    (1..=MAX_LEN).contains(&id.len()) && id.iter().all(allowed)
}

const NAME: HeaderName = HeaderName::from_static("x-request-id");
const MAX_LEN: usize = 128;
const BUFFER: usize = 4096;

#[cfg(test)]
#[path = "request_id_tests.rs"]
mod tests;
