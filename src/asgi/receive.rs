//! The half that events come in by.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;

use super::event::ReceiveEvent;
use super::{BodyLimitError, Disconnect, Exchange, PollReceive, ReadBodyError};

/// The half of an exchange that events come in by.
///
/// It owns what it needs: it can move into a task, be kept in a closure, or be wrapped. It is also a
/// [`Stream`] of events that ends after the disconnect.
///
/// # Contract
///
/// - [`receive`](Self::receive) waits for the next event (A-12, A-67). After the end it tells the same
///   disconnect again, at once, every time (A-99).
/// - It may wait while the other half does (A-13).
///
/// # Cancel safety
///
/// Every method that waits can be dropped while it waits, as `select!` does: no event is lost
/// (A-14), except that [`body`](Self::body) drops the blocks it has gathered.
///
/// # Examples
///
/// ```
/// use gateway_iface::{Error, asgi};
///
/// async fn upload(scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
///     scope.into_http()?;
///     let body = receive.body(1024).await?;
///     send.text(200, format!("{} octets", body.len())).await?;
///     Ok(())
/// }
/// # use gateway_iface::testing::{AsgiClient, block_on};
/// # use gateway_iface::http::Request;
/// # let response = block_on(AsgiClient::new(upload).request(Request::post("/").body("four").unwrap())).unwrap();
/// # assert_eq!(response.body(), "6 octets".replace('6', "4").as_str());
/// ```
pub struct Receive {
    half: Half,
    body_read: bool,
    ended: bool,
}

enum Half {
    Shared(Arc<dyn Exchange>),
    Own(Box<dyn PollReceive>),
}

impl Receive {
    /// A half of a middleware's own.
    pub fn new(half: impl PollReceive + 'static) -> Self {
        Self::from_half(Half::Own(Box::new(half)))
    }

    /// A server's half.
    #[must_use]
    pub fn shared(exchange: Arc<dyn Exchange>) -> Self {
        Self::from_half(Half::Shared(exchange))
    }

    const fn from_half(half: Half) -> Self {
        Self { half, body_read: false, ended: false }
    }

    /// Waits for the next event.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no event (A-14).
    pub const fn receive(&mut self) -> Receiving<'_> {
        Receiving { receive: self }
    }

    /// Polls for the next event.
    pub fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<ReceiveEvent> {
        let event = ready!(match &mut self.half {
            Half::Shared(exchange) => exchange.poll_receive(cx),
            Half::Own(half) => half.poll_receive(cx),
        });
        match &event {
            ReceiveEvent::HttpRequest(request) => self.body_read = !request.more_body,
            ReceiveEvent::HttpDisconnect(_) | ReceiveEvent::WebSocketDisconnect(_) => self.ended = true,
            _ => {}
        }
        Poll::Ready(event)
    }

    /// Polls for the end of the exchange without taking an event.
    pub fn poll_disconnect(&mut self, cx: &mut Context<'_>) -> Poll<Disconnect> {
        match &mut self.half {
            Half::Shared(exchange) => exchange.poll_disconnect(cx),
            Half::Own(half) => half.poll_disconnect(cx),
        }
    }

    /// Waits until the exchange is over, without reading the body.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn disconnected(&mut self) -> Disconnect {
        std::future::poll_fn(|cx| self.poll_disconnect(cx)).await
    }

    /// The next block of the request body; `None` after the last one.
    ///
    /// # Errors
    ///
    /// [`Disconnect`] when the body was cut, or the response is complete.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no block.
    pub async fn block(&mut self) -> Result<Option<Bytes>, Disconnect> {
        std::future::poll_fn(|cx| self.poll_block(cx)).await
    }

    /// Polls for the next block of the request body; `None` after the last one.
    ///
    /// # Errors
    ///
    /// [`Disconnect`] when the body was cut, or the response is complete.
    pub fn poll_block(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Disconnect>> {
        while !self.body_read {
            match ready!(self.poll_receive(cx)) {
                ReceiveEvent::HttpRequest(request) => {
                    if !request.body.is_empty() {
                        return Poll::Ready(Ok(Some(request.body)));
                    }
                }
                event => {
                    if let Some(reason) = event.disconnect() {
                        return Poll::Ready(Err(reason));
                    }
                }
            }
        }
        Poll::Ready(Ok(None))
    }

    /// Reads the rest of the request body, up to `limit` octets.
    ///
    /// # Errors
    ///
    /// [`ReadBodyError::Limit`] when it is larger, [`ReadBodyError::Disconnected`] when it was cut. A
    /// server answers them with 413, and not at all.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the blocks it has gathered.
    pub async fn body(&mut self, limit: usize) -> Result<Bytes, ReadBodyError> {
        let within = |len: usize| if len > limit { Err(BodyLimitError::new(limit)) } else { Ok(()) };
        let Some(first) = self.block().await? else {
            return Ok(Bytes::new());
        };
        within(first.len())?;
        let Some(second) = self.block().await? else {
            return Ok(first);
        };
        let mut body = BytesMut::from(first);
        let mut next = Some(second);
        while let Some(block) = next {
            within(body.len().saturating_add(block.len()))?;
            body.extend_from_slice(&block);
            next = self.block().await?;
        }
        Ok(body.freeze())
    }
}

impl Stream for Receive {
    type Item = ReceiveEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<ReceiveEvent>> {
        if self.ended {
            return Poll::Ready(None);
        }
        self.poll_receive(cx).map(Some)
    }
}

impl fmt::Debug for Receive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receive")
            .field("body_read", &self.body_read)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

/// Waits for the next event; see [`Receive::receive`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Receiving<'a> {
    receive: &'a mut Receive,
}

impl Future for Receiving<'_> {
    type Output = ReceiveEvent;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<ReceiveEvent> {
        self.receive.poll_receive(cx)
    }
}
