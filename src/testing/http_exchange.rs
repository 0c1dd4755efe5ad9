//! One HTTP exchange, step by step.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use super::call::Call;
use super::http_wire::{HttpWire, Pool};
use super::response::TestResponse;
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
            match self.take_event() {
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

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Poll::Ready(result) = self.call.poll(cx)
            && let Some(wire) = &self.wire
        {
            self.ending = Some(wire.end(result));
        }
        if self.call.is_over() { Poll::Ready(()) } else { Poll::Pending }
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
mod tests {
    use http::{HeaderMap, Request, StatusCode};

    use super::*;
    use crate::asgi::event::ReceiveEvent;
    use crate::asgi::{Scope, SendError};
    use crate::testing::{AsgiClient, block_on};

    fn head() -> RequestHead {
        RequestHead::new(Request::post("/").body(()).unwrap().into_parts().0)
    }

    async fn three(_: Scope, _: Receive, mut send: Send) -> Result<(), Error> {
        send.start(StatusCode::OK, HeaderMap::new()).await?;
        send.block("a").await?;
        send.last("b").await?;
        Ok(())
    }

    async fn echo(_: Scope, mut receive: Receive, mut send: Send) -> Result<(), Error> {
        send.start(StatusCode::OK, HeaderMap::new()).await?;
        while let Some(block) = receive.block().await? {
            send.block(block).await?;
        }
        send.last("").await?;
        Ok(())
    }

    async fn until_disconnect(_: Scope, mut receive: Receive, _send: Send) -> Result<(), Error> {
        loop {
            if let ReceiveEvent::HttpDisconnect(reason) = receive.receive().await {
                return Err(reason.into());
            }
        }
    }

    #[test]
    fn application_is_not_polled_before_it_is_driven() {
        let client = AsgiClient::new(three);
        let mut exchange = client.begin(head());
        assert!(exchange.take_event().is_none() && !exchange.is_finished());
    }

    #[test]
    fn a_11_second_send_waits_until_the_reader_takes_the_first() {
        let client = AsgiClient::new(three);
        let mut exchange = client.begin(head());
        assert!(exchange.poll_once().is_pending());
        assert!(exchange.is_send_pending());
        assert!(exchange.poll_once().is_pending());
        assert_eq!(exchange.state(), HttpState::Started);
        for name in ["http.response.start", "http.response.body", "http.response.body"] {
            assert_eq!(block_on(exchange.next_event()).unwrap().name(), name);
        }
        assert!(block_on(exchange.next_event()).is_none());
        assert!(exchange.is_finished() && !exchange.is_send_pending());
    }

    #[test]
    fn a_57_late_body_is_waited_for() {
        let client = AsgiClient::new(echo);
        let mut exchange = client.begin(head());
        assert!(block_on(exchange.next_event()).is_some());
        for block in ["one", "two"] {
            assert!(exchange.poll_once().is_pending() && !exchange.is_send_pending());
            exchange.feed(block, true);
            let event = block_on(exchange.next_event());
            assert!(matches!(event, Some(SendEvent::ResponseBody(body)) if body.body == block));
        }
        exchange.feed("", false);
        let response = block_on(exchange.response());
        assert!(response.is_complete() && response.error().is_none());
    }

    #[test]
    fn a_95_a_99_loss_of_the_client_fails_a_waiting_send_and_is_received() {
        let client = AsgiClient::new(three);
        let mut exchange = client.begin(head());
        assert!(exchange.poll_once().is_pending());
        exchange.disconnect(Disconnect::Timeout);
        let error = block_on(exchange.finish()).unwrap_err();
        assert!(error.find::<SendError>().is_some() && error.is_disconnected());
        assert!(!exchange.ending().unwrap().fault);

        let client = AsgiClient::new(until_disconnect);
        let mut exchange = client.begin(head());
        exchange.feed("dropped", true);
        exchange.disconnect(Disconnect::Client);
        let error = block_on(exchange.finish()).unwrap_err();
        assert_eq!(error.find::<Disconnect>(), Some(&Disconnect::Client));
    }

    #[test]
    fn a_67_complete_response_is_received_as_disconnect_by_the_other_half() {
        async fn app(_: Scope, mut receive: Receive, mut send: Send) -> Result<(), Error> {
            send.text(200, "x").await?;
            assert_eq!(receive.receive().await.disconnect(), Some(Disconnect::Complete));
            assert_eq!(receive.disconnected().await, Disconnect::Complete);
            Ok(())
        }
        let client = AsgiClient::new(app);
        let mut exchange = client.begin(head());
        exchange.feed("not read", false);
        assert!(block_on(exchange.response()).error().is_none());
    }

    #[test]
    fn a_104_panic_is_answered_like_an_error_and_the_client_goes_on() {
        async fn later(_: Scope, _: Receive, _: Send) -> Result<(), Error> {
            std::panic::resume_unwind(Box::new("later"))
        }
        let at_once = |_: Scope, _: Receive, _: Send| -> std::future::Ready<Result<(), Error>> {
            std::panic::resume_unwind(Box::new("at once"))
        };
        let apps: [(Box<dyn Application>, _); 2] =
            [(Box::new(later), "later"), (Box::new(at_once), "at once")];
        for (app, text) in apps {
            let client = AsgiClient::new(app);
            for _ in 0..2 {
                let response = block_on(client.begin(head()).response());
                assert_eq!(response.status(), 500);
                assert_eq!(
                    response.error().unwrap().to_string(),
                    format!("the application panicked: {text}")
                );
            }
        }
    }

    #[test]
    fn dropped_application_is_gone_and_its_halves_are_disconnected() {
        let kept = Arc::new(std::sync::Mutex::new(None));
        let keep = Arc::clone(&kept);
        let client = AsgiClient::new(move |_: Scope, _: Receive, send: Send| {
            *keep.lock().unwrap() = Some(send);
            std::future::pending()
        });
        let mut exchange = client.begin(head());
        assert!(exchange.poll_once().is_pending());
        exchange.drop_application();
        assert!(exchange.is_finished() && block_on(exchange.finish()).is_ok());
        let mut send = kept.lock().unwrap().take().unwrap();
        let error = block_on(send.last("x")).unwrap_err();
        assert_eq!(error.disconnect(), Some(Disconnect::Shutdown));
        drop(exchange);
        assert!(block_on(send.flush()).is_err());
    }
}
