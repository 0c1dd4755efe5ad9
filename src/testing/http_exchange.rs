//! One HTTP exchange, step by step.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use super::http_wire::{HttpWire, Pool};
use super::response::TestResponse;
use crate::asgi::call::Call;
use crate::asgi::event::{RequestBody, SendEvent};
use crate::asgi::machine::{Action, Ending, HttpState};
use crate::asgi::{Application, Disconnect, HttpScope, Receive, Send};
use crate::error::Error;
use crate::request::RequestHead;

/// One HTTP exchange of which a test controls every step; made by
/// [`AsgiClient::begin`](super::AsgiClient::begin).
///
/// The application runs only while a method drives it. The client is a slow reader: one event fits
/// between the two, the next [`send`](crate::asgi::Send::send) waits until the first is taken (A-11).
/// Dropping the exchange drops the application's future.
///
/// # Examples
///
/// ```
/// use gateway_iface::asgi::{self, Disconnect, SendError};
/// use gateway_iface::http::{HeaderMap, Request, StatusCode};
/// use gateway_iface::testing::{AsgiClient, block_on};
/// use gateway_iface::{Error, RequestHead};
///
/// async fn endless(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
///     scope.into_http()?;
///     send.start(StatusCode::OK, HeaderMap::new()).await?;
///     loop {
///         send.block("tick ").await?;
///     }
/// }
///
/// let client = AsgiClient::new(endless);
/// let (parts, ()) = Request::get("/").body(())?.into_parts();
/// let mut exchange = client.begin(RequestHead::new(parts));
/// assert_eq!(block_on(exchange.next_event()).unwrap().name(), "http.response.start");
/// assert_eq!(block_on(exchange.next_event()).unwrap().name(), "http.response.body");
/// exchange.disconnect(Disconnect::Client);
/// assert!(block_on(exchange.finish()).unwrap_err().is_disconnected());
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
pub struct HttpExchange<'a> {
    call: Call<'a>,
    wire: Option<Arc<HttpWire>>,
    pool: &'a Pool,
    ending: Option<Ending>,
}

impl<'a> HttpExchange<'a> {
    pub(super) fn new<A: Application>(app: &'a A, pool: &'a Pool, head: Box<RequestHead>) -> Self {
        let wire = pool.take(&head);
        let (receive, send) = (Receive::shared(wire.clone()), Send::shared(wire.clone()));
        let call = Call::new(|| app.call(HttpScope::new(head).into(), receive, send));
        Self { call, wire: Some(wire), pool, ending: None }
    }

    /// Hands in a block of the request body; `more` tells whether others follow (A-53).
    ///
    /// A request without body still needs one empty last block (A-54).
    pub fn feed(&mut self, block: impl Into<Bytes>, more: bool) {
        let block = if more { RequestBody::block(block) } else { RequestBody::last(block) };
        self.wire().feed(block);
    }

    /// Polls the application once, without waiting; ready when its call is over.
    pub fn poll_once(&mut self) -> Poll<()> {
        self.poll(&mut Context::from_waker(Waker::noop()))
    }

    /// Polls the application, and takes nothing of what it sends; ready when its call is over.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Poll::Ready(result) = self.call.poll(cx)
            && let Some(wire) = &self.wire
        {
            self.ending = Some(wire.end(result));
        }
        if self.call.is_over() { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Drives the application until it has sent an event, and takes that; `None` when its call is over.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no event.
    pub async fn next_event(&mut self) -> Option<SendEvent> {
        poll_fn(|cx| {
            if let Some(event) = self.take_event() {
                return Poll::Ready(Some(event));
            }
            let over = self.poll(cx).is_ready();
            match self.wire().take_or_wait(cx) {
                None if !over => Poll::Pending,
                event => Poll::Ready(event),
            }
        })
        .await
    }

    /// Takes the event that the application has sent, if any, without driving it.
    pub fn take_event(&mut self) -> Option<SendEvent> {
        self.wire().take()
    }

    /// Whether the application's last attempt to send waits for the reader (A-11).
    #[must_use]
    pub fn is_send_pending(&self) -> bool {
        self.wire().is_send_pending()
    }

    /// The exchange is lost for that reason: the application is told (A-58, A-95).
    pub fn disconnect(&mut self, reason: Disconnect) {
        self.wire().lose(reason);
    }

    /// Drops the application's future, as a server does that cancels.
    pub fn drop_application(&mut self) {
        if !self.call.is_over() {
            self.call.cancel();
            self.wire().abandon();
        }
    }

    /// Whether the application's call is over.
    #[must_use]
    pub const fn is_finished(&self) -> bool {
        self.call.is_over()
    }

    /// How far the response got.
    #[must_use]
    pub fn state(&self) -> HttpState {
        self.wire().state()
    }

    /// What a server does now that the application's call is over; `None` before.
    #[must_use]
    pub const fn ending(&self) -> Option<Ending> {
        self.ending
    }

    /// Runs the application to its end; the reader takes everything from now on.
    ///
    /// # Errors
    ///
    /// The application's own; told once.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing; call again to go on.
    pub async fn finish(&mut self) -> Result<(), Error> {
        self.wire().set_room(usize::MAX);
        poll_fn(|cx| self.poll(cx)).await;
        self.call.take_result().unwrap_or(Ok(()))
    }

    /// Runs the application to its end and gives what the client has seen, without the events that
    /// were taken before; the connection may have been broken off.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing; call again to go on.
    pub async fn response(&mut self) -> TestResponse {
        let mut error = self.finish().await.err();
        let action = self.ending.map_or(Action::Abort, |ending| ending.action);
        let mut response = TestResponse::default();
        if let Action::Answer(status) = action {
            while self.take_event().is_some() {}
            response = TestResponse::answer(status);
        }
        while let Some(event) = self.take_event() {
            if let Err(cause) = response.event(event) {
                error.get_or_insert_with(|| cause.into());
            }
        }
        response.seal(action != Action::Abort, error)
    }

    fn wire(&self) -> &HttpWire {
        self.wire.as_ref().expect("it is there until the exchange is dropped")
    }
}

impl Drop for HttpExchange<'_> {
    fn drop(&mut self) {
        self.drop_application();
        if let Some(wire) = self.wire.take() {
            self.pool.put(wire);
        }
    }
}

#[cfg(test)]
#[path = "http_exchange_tests.rs"]
mod tests;
