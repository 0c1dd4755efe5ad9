//! One WebSocket, step by step.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use http::StatusCode;

use super::response::TestResponse;
use super::websocket_wire::{ABNORMAL, WebSocketWire};
use crate::asgi::call::Call;
use crate::asgi::event::{Accept, Close, Message, SendEvent, WebSocketDisconnect};
use crate::asgi::machine::{WebSocketEnding, WebSocketState};
use crate::asgi::{Application, Disconnect, Receive, Send, WebSocketScope};
use crate::error::Error;

/// One WebSocket of which a test controls every step; made by
/// [`AsgiClient::websocket`](super::AsgiClient::websocket).
///
/// The application runs only while a method drives it, and one event fits between the two, as for
/// [`HttpExchange`](super::HttpExchange). The client answers a close with the same code (A-83).
///
/// # Examples
///
/// ```
/// use gateway_iface::asgi::event::{Accept, Message};
/// use gateway_iface::asgi::{self, Handshake};
/// use gateway_iface::http::Request;
/// use gateway_iface::testing::{AsgiClient, block_on};
/// use gateway_iface::Error;
///
/// async fn echo(scope: asgi::Scope, receive: asgi::Receive, send: asgi::Send) -> Result<(), Error> {
///     scope.into_websocket()?;
///     let mut socket = Handshake::begin(receive, send).await?.accept(Accept::new()).await?;
///     while let Ok(message) = socket.next().await {
///         socket.send(message).await?;
///     }
///     Ok(())
/// }
///
/// let client = AsgiClient::new(echo);
/// let mut socket = client.websocket(Request::get("/").body(())?);
/// block_on(async {
///     socket.connect().await.expect("accepted");
///     socket.send("hello");
///     assert_eq!(socket.next().await, Some(Message::from("hello")));
///     socket.close(1000, "bye");
///     socket.finish().await
/// })?;
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
pub struct WebSocketExchange<'a> {
    call: Call<'a>,
    wire: Arc<WebSocketWire>,
    ending: Option<(WebSocketEnding, bool)>,
    close_frame: Option<Close>,
}

impl<'a> WebSocketExchange<'a> {
    pub(super) fn new<A: Application>(app: &'a A, scope: WebSocketScope) -> Self {
        let wire = Arc::new(WebSocketWire::new(&scope));
        let (receive, send) = (Receive::shared(wire.clone()), Send::shared(wire.clone()));
        let call = Call::new(|| app.call(scope.into(), receive, send));
        Self { call, wire, ending: None, close_frame: None }
    }

    /// Drives the application until it answers the handshake.
    ///
    /// # Errors
    ///
    /// The refusal that the client sees: 403 (A-89), a response (A-125), or 500 (A-94).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may lose part of a response.
    pub async fn connect(&mut self) -> Result<Accept, Box<TestResponse>> {
        let mut denial = TestResponse::default();
        while let Some(event) = self.next_event().await {
            match event {
                SendEvent::WebSocketAccept(accept) => return Ok(*accept),
                SendEvent::WebSocketClose(_) => {
                    return Err(Box::new(TestResponse::answer(StatusCode::FORBIDDEN)));
                }
                SendEvent::WebSocketDenialBody(block) => {
                    let last = !block.more_body;
                    denial.push(block.body);
                    if last {
                        return Err(Box::new(denial.seal(true, None)));
                    }
                }
                SendEvent::WebSocketDenialStart(start) => denial.start(start.status, start.headers),
                _ => {}
            }
        }
        let error = self.call.take_result().and_then(Result::err);
        Err(Box::new(match self.ending {
            Some((WebSocketEnding::Refuse, _)) => {
                TestResponse::answer(StatusCode::INTERNAL_SERVER_ERROR).seal(true, error)
            }
            _ => denial.seal(false, error),
        }))
    }

    /// Sends a message to the application; it waits there until it is received (A-92).
    ///
    /// After the socket is closed it is dropped.
    pub fn send(&mut self, message: impl Into<Message>) {
        self.wire.feed(message.into());
    }

    /// Drives the application until it sends a message; `None` when it closed the socket or ended.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no message.
    pub async fn next(&mut self) -> Option<Message> {
        while let Some(event) = self.next_event().await {
            match event {
                SendEvent::WebSocketSend(message) => return Some(message),
                SendEvent::WebSocketClose(_) => return None,
                _ => {}
            }
        }
        None
    }

    /// Drives the application until it has sent any event, and takes that; `None` when its call is over.
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
            match self.seen(self.wire.take_or_wait(cx)) {
                None if !over => Poll::Pending,
                event => Poll::Ready(event),
            }
        })
        .await
    }

    /// Takes the event that the application has sent, if any, without driving it.
    pub fn take_event(&mut self) -> Option<SendEvent> {
        self.seen(self.wire.take())
    }

    /// Polls the application once, without waiting; ready when its call is over.
    pub fn poll_once(&mut self) -> Poll<()> {
        self.poll(&mut Context::from_waker(Waker::noop()))
    }

    /// Whether the application's last attempt to send waits for the reader (A-11).
    #[must_use]
    pub fn is_send_pending(&self) -> bool {
        self.wire.is_send_pending()
    }

    /// Closes the socket as its client; what was sent before is received first (A-83, A-93).
    pub fn close(&mut self, code: u16, reason: impl Into<String>) {
        self.wire.lose(WebSocketDisconnect::new(code, Disconnect::Client).with_reason(reason));
    }

    /// Loses the connection without a close: code 1006 (A-84).
    pub fn lose(&mut self) {
        self.wire.lose(WebSocketDisconnect::new(ABNORMAL, Disconnect::Client));
    }

    /// Drops the application's future, as a server does that cancels.
    pub fn drop_application(&mut self) {
        if !self.call.is_over() {
            self.call.cancel();
            self.wire.abandon();
        }
    }

    /// Whether the application's call is over.
    #[must_use]
    pub const fn is_finished(&self) -> bool {
        self.call.is_over()
    }

    /// How far the socket got.
    #[must_use]
    pub fn state(&self) -> WebSocketState {
        self.wire.state()
    }

    /// What a server does now that the application's call is over, and whether it is to be logged;
    /// `None` before.
    #[must_use]
    pub const fn ending(&self) -> Option<(WebSocketEnding, bool)> {
        self.ending
    }

    /// The close that the client has seen: the application's, or the server's when it ended (A-94).
    #[must_use]
    pub const fn close_frame(&self) -> Option<&Close> {
        self.close_frame.as_ref()
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
        self.wire.set_room(usize::MAX);
        poll_fn(|cx| self.poll(cx)).await;
        while self.take_event().is_some() {}
        self.call.take_result().unwrap_or(Ok(()))
    }

    fn seen(&mut self, event: Option<SendEvent>) -> Option<SendEvent> {
        if let Some(SendEvent::WebSocketClose(close)) = &event {
            self.close_frame = Some(close.clone());
        }
        event
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Poll::Ready(result) = self.call.poll(cx) {
            let ending = self.wire.end(result);
            if let WebSocketEnding::Close(code) = ending.0 {
                self.close_frame = Some(Close::new(code));
            }
            self.ending = Some(ending);
        }
        if self.call.is_over() { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for WebSocketExchange<'_> {
    fn drop(&mut self) {
        self.drop_application();
    }
}

#[cfg(test)]
#[path = "websocket_tests.rs"]
mod tests;
