//! Changes the bodies of responses.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};

use super::map_body_change::Change;
use crate::asgi::call::CallFuture;
use crate::asgi::event::{ResponseBody, ResponseStart, SendEvent};
use crate::asgi::{Capability, InvalidEvent, PollSend, SendError};
use crate::error::Error;
use crate::outcome::Observe;
use crate::wsgi::Body;
use crate::{asgi, wsgi};

/// Changes the blocks of a response, one for one, as they pass.
///
/// For each response a factory is asked, with its status and its header fields, for what changes it:
/// `FnMut(Bytes, bool) -> Bytes`, which is given each block, and whether it is the last. It may keep a
/// state, give less than it got, or nothing, and the rest at the end. `None` leaves the response as it
/// is. Fields that depend on the change (`content-encoding`, `vary`, `etag`) are the factory's to set.
///
/// # Contract
///
/// - `content-length` is removed from a response that is changed (W-130, A-146): the server finds
///   another framing.
/// - Each block gives one block, at once, and nothing is read ahead (W-132, W-133, A-11). Where a
///   synchronous body does not know its end, that is one empty block more. What is registered to run at
///   the close does (W-134).
/// - What [`write`](wsgi::StartResponse::write) is given is changed on the way, and stays a `write`
///   (W-121). A head that is replaced asks the factory anew (W-136).
/// - In answer to HEAD, and with 304, the factory is asked and the length removed, as for the GET that
///   they stand for. In answer to HEAD a body that is one block is changed, so that the server finds the
///   length that the GET would have; other blocks go on as empty ones, and there is no length. With 304
///   nothing is changed, with 204 nothing is asked.
/// - The application does not see the capabilities that would bypass it, files by path and by handle,
///   and their events are invalid (A-145, A-122). Trailers pass.
/// - WebSockets and lifespans pass untouched (A-144).
///
/// A block that is too long for the server's buffer is changed when there is room; a send that is
/// dropped before has changed nothing. Where a server says that there is room and then has none, a block
/// that was given up goes out before the next one: what it left in the state of the change cannot be
/// taken back.
///
/// It costs one allocation for each request, and one more where it hides capabilities; a synchronous one
/// none where its body is one block, else two.
///
/// # Examples
///
/// ```
/// use gateway_iface::bytes::Bytes;
/// use gateway_iface::http::{HeaderMap, Request, StatusCode};
/// use gateway_iface::middleware::MapBody;
/// use gateway_iface::testing::{AsgiClient, block_on};
/// use gateway_iface::{Error, asgi};
///
/// async fn app(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
///     scope.into_http()?;
///     send.start(StatusCode::OK, HeaderMap::new()).await?;
///     send.block("one ").await?;
///     send.last("two").await?;
///     Ok(())
/// }
///
/// let app = MapBody::new(app, |_, _| {
///     let mut blocks = 0;
///     Some(move |block: Bytes, last: bool| {
///         blocks += 1;
///         let end = if last { format!(", {blocks} blocks") } else { String::new() };
///         Bytes::from([&block[..], end.as_bytes()].concat())
///     })
/// });
/// let response = block_on(AsgiClient::new(app).request(Request::get("/").body("")?))?;
/// assert_eq!(response.blocks(), ["one ", "two, 2 blocks"]);
/// # Ok::<(), Error>(())
/// ```
pub struct MapBody<A, F> {
    inner: A,
    factory: Arc<F>,
}

impl<A, F, T> MapBody<A, F>
where
    F: Fn(StatusCode, &mut HeaderMap) -> Option<T> + Send + Sync + 'static,
    T: FnMut(Bytes, bool) -> Bytes + Send + 'static,
{
    /// Changes the bodies that `inner` sends by what `factory` makes for each.
    #[must_use]
    pub fn new(inner: A, factory: F) -> Self {
        Self { inner, factory: Arc::new(factory) }
    }
}

impl<A, F> MapBody<A, F> {
    /// The inner application.
    #[must_use]
    pub const fn get_ref(&self) -> &A {
        &self.inner
    }
}

impl<A, F, T> asgi::Application for MapBody<A, F>
where
    A: asgi::Application,
    F: Fn(StatusCode, &mut HeaderMap) -> Option<T> + Send + Sync + 'static,
    T: FnMut(Bytes, bool) -> Bytes + Send + 'static,
{
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
        if let asgi::Scope::Http(request) = &mut scope {
            let head = request.head_mut();
            let all = head.capabilities();
            let kept = all.without(Capability::PathSend).without(Capability::ZeroCopySend);
            if kept != all {
                head.connection_mut().set_capabilities(kept);
            }
            send = asgi::Send::new(Changing {
                inner: send,
                factory: Arc::clone(&self.factory),
                is_head: head.method() == Method::HEAD,
                started: false,
                start: None,
                change: None,
                waiting: None,
            });
        }
        self.inner.call(scope, receive, send)
    }
}

impl<A, F, T> wsgi::Application for MapBody<A, F>
where
    A: wsgi::Application,
    F: Fn(StatusCode, &mut HeaderMap) -> Option<T> + Send + Sync + 'static,
    T: FnMut(Bytes, bool) -> Bytes + Send + 'static,
{
    fn call(
        &self,
        environ: wsgi::Environ,
        start_response: &mut dyn wsgi::StartResponse,
    ) -> Result<Body, Error> {
        let is_head = environ.method() == Method::HEAD;
        let mut starting = Starting { inner: start_response, factory: &*self.factory, is_head, change: None };
        let mut body = self.inner.call(environ, &mut starting)?;
        let Some(mut change) = starting.change else {
            return Ok(body);
        };
        Ok(match body.take_whole() {
            // It is in memory, so the change waits for nobody.
            Some(block) => body.replace_whole(change.apply(block, true)),
            None => body.replace_blocks(|blocks| Blocks { blocks, change: Some(change) }),
        })
    }
}

impl<A: Clone, F> Clone for MapBody<A, F> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), factory: Arc::clone(&self.factory) }
    }
}

impl<A: fmt::Debug, F> fmt::Debug for MapBody<A, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MapBody").field("inner", &self.inner).finish_non_exhaustive()
    }
}

struct Changing<F, T> {
    inner: asgi::Send,
    factory: Arc<F>,
    is_head: bool,
    started: bool,
    /// A start that the server had no room for: it counts as sent, since content follows it.
    start: Option<SendEvent>,
    change: Option<Change<T>>,
    waiting: Option<Waiting>,
}

/// A block that was changed, and that the server had no room for after all.
struct Waiting {
    original: ResponseBody,
    changed: Option<SendEvent>,
}

impl<F, T> Changing<F, T>
where
    F: Fn(StatusCode, &mut HeaderMap) -> Option<T>,
    T: FnMut(Bytes, bool) -> Bytes,
{
    fn poll_start(&mut self, cx: &mut Context<'_>, slot: &mut Option<SendEvent>) -> PollResult {
        if let Some(SendEvent::ResponseStart(start)) = slot {
            self.change = Change::begin(&*self.factory, self.is_head, start);
        }
        let polled = self.inner.poll_send(cx, slot);
        self.started = !matches!(polled, Poll::Ready(Err(_)));
        if polled.is_pending() {
            self.start = slot.take();
            return Poll::Ready(Ok(()));
        }
        polled
    }

    /// Sends what is changed already.
    fn poll_changed(&mut self, cx: &mut Context<'_>, slot: &mut Option<SendEvent>) -> PollResult {
        if self.start.is_some() {
            let polled = ready!(self.inner.poll_send(cx, &mut self.start));
            self.started = polled.is_ok();
            polled?;
        }
        if let Some(waiting) = &mut self.waiting {
            let polled = ready!(self.inner.poll_send(cx, &mut waiting.changed));
            let stands_for_slot =
                matches!(slot, Some(SendEvent::ResponseBody(block)) if is_same(block, &waiting.original));
            self.waiting = None;
            polled?;
            if stands_for_slot {
                *slot = None;
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_block(&mut self, cx: &mut Context<'_>, slot: &mut Option<SendEvent>) -> PollResult {
        let (Some(SendEvent::ResponseBody(block)), Some(change)) = (&slot, &mut self.change) else {
            return self.inner.poll_send(cx, slot);
        };
        // Asks for room: what is changed cannot be taken back.
        if let Err(error) = ready!(self.inner.poll_send(cx, &mut None)) {
            *slot = None;
            return Poll::Ready(Err(error));
        }
        let original = block.clone();
        let mut changed = ResponseBody::last(change.apply(original.body.clone(), !original.more_body));
        changed.more_body = original.more_body;
        if !original.more_body {
            self.change = None;
        }
        let mut changed = Some(SendEvent::ResponseBody(changed));
        let polled = self.inner.poll_send(cx, &mut changed);
        if polled.is_pending() {
            self.waiting = Some(Waiting { original, changed });
        } else {
            *slot = None;
        }
        polled
    }
}

impl<F, T> PollSend for Changing<F, T>
where
    F: Fn(StatusCode, &mut HeaderMap) -> Option<T> + Send + Sync,
    T: FnMut(Bytes, bool) -> Bytes + Send,
{
    fn poll_send(&mut self, cx: &mut Context<'_>, slot: &mut Option<SendEvent>) -> PollResult {
        let waited = self.start.is_some() || self.waiting.is_some();
        if waited {
            if let Err(error) = ready!(self.poll_changed(cx, slot)) {
                *slot = None;
                return Poll::Ready(Err(error));
            }
            if slot.is_none() {
                return Poll::Ready(Ok(()));
            }
        }
        match slot {
            Some(SendEvent::ResponseStart(_)) if !self.started => self.poll_start(cx, slot),
            Some(SendEvent::ResponseBody(_)) => self.poll_block(cx, slot),
            Some(event @ (SendEvent::PathSend(_) | SendEvent::ZeroCopySend(_))) => {
                let refused = InvalidEvent::new(event.name(), "the body is changed here, so no file is sent");
                *slot = None;
                Poll::Ready(Err(refused.into()))
            }
            _ => self.inner.poll_send(cx, slot),
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> PollResult {
        ready!(self.poll_changed(cx, &mut None))?;
        self.inner.poll_flush(cx)
    }

    fn observe(&self, observer: Arc<dyn Observe>) {
        self.inner.observe(observer);
    }
}

type PollResult = Poll<Result<(), SendError>>;

struct Starting<'a, F, T> {
    inner: &'a mut dyn wsgi::StartResponse,
    factory: &'a F,
    is_head: bool,
    change: Option<Change<T>>,
}

impl<F, T> wsgi::StartResponse for Starting<'_, F, T>
where
    F: Fn(StatusCode, &mut HeaderMap) -> Option<T>,
    T: FnMut(Bytes, bool) -> Bytes,
{
    fn start(&mut self, status: StatusCode, headers: HeaderMap) -> Result<(), Error> {
        let mut start = ResponseStart::new(status, headers);
        let change = Change::begin(self.factory, self.is_head, &mut start);
        self.inner.start(status, start.headers)?;
        self.change = change;
        Ok(())
    }

    fn restart(&mut self, status: StatusCode, headers: HeaderMap, cause: Error) -> Result<(), Error> {
        let mut start = ResponseStart::new(status, headers);
        let change = Change::begin(self.factory, self.is_head, &mut start);
        self.inner.restart(status, start.headers, cause)?;
        self.change = change;
        Ok(())
    }

    fn write(&mut self, data: &[u8]) -> io::Result<()> {
        match &mut self.change {
            Some(change) => self.inner.write(&change.apply(Bytes::copy_from_slice(data), false)),
            None => self.inner.write(data),
        }
    }

    fn observe(&mut self, observer: Arc<dyn Observe>) {
        self.inner.observe(observer);
    }
}

struct Blocks<T> {
    blocks: Body,
    /// Gone after the end.
    change: Option<Change<T>>,
}

impl<T: FnMut(Bytes, bool) -> Bytes> Iterator for Blocks<T> {
    type Item = Result<Bytes, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut change = self.change.take()?;
        match self.blocks.next() {
            Some(Ok(block)) => {
                let last = self.blocks.exact_len() == Some(0);
                let block = change.apply(block, last);
                self.change = if last { None } else { Some(change) };
                Some(Ok(block))
            }
            Some(Err(error)) => Some(Err(error)),
            None => Some(Ok(change.apply(Bytes::new(), true))),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.change.is_some() { (1, None) } else { (0, Some(0)) }
    }
}

/// Whether it is the same block, and not just an equal one.
fn is_same(one: &ResponseBody, other: &ResponseBody) -> bool {
    one.more_body == other.more_body
        && std::ptr::eq(one.body.as_ptr(), other.body.as_ptr())
        && one.body.len() == other.body.len()
}

#[cfg(test)]
#[path = "map_body_tests.rs"]
mod tests;
