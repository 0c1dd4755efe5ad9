//! The half that events go out by.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};

use super::event::{ResponseStart, SendEvent};
use super::exchange::{block_by, respond_by};
use super::map::Map;
use super::sending::{Responding, Sending, SendingBlock};
use super::{Exchange, PollSend, SendError};
use crate::error::{BoxError, Error};
use crate::outcome::Observe;

/// The half of an exchange that events go out by.
///
/// Always written by its path, `asgi::Send`, so that `Send` keeps its usual meaning. It owns what it
/// needs: it can move into a task, be kept, or be wrapped.
///
/// # Contract
///
/// - A send completes when the server has accepted the event; waiting for that is the
///   backpressure (A-11).
/// - Once the client is gone every send fails with [`SendError::Disconnected`] (A-95); after a complete
///   response events are dropped without an error (A-107).
/// - An event that is not valid now fails with [`SendError::Invalid`], and nothing of it is sent
///   (A-66, A-102).
///
/// # Cancel safety
///
/// A send that is dropped while it waits has not sent its event.
///
/// # Examples
///
/// ```
/// use gateway_iface::http::{HeaderMap, HeaderValue, StatusCode};
/// use gateway_iface::{Error, asgi};
///
/// async fn count(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
///     scope.into_http()?;
///     let mut headers = HeaderMap::new();
///     headers.insert("content-type", HeaderValue::from_static("text/plain"));
///     send.start(StatusCode::OK, headers).await?;
///     for number in 0..3 {
///         send.block(format!("{number}\n")).await?;
///     }
///     send.last("").await?;
///     Ok(())
/// }
/// # use gateway_iface::testing::{AsgiClient, block_on};
/// # use gateway_iface::http::Request;
/// # let response = block_on(AsgiClient::new(count).request(Request::get("/").body("").unwrap())).unwrap();
/// # assert_eq!(response.body(), "0\n1\n2\n");
/// ```
pub struct Send {
    half: Half,
}

enum Half {
    Shared(Arc<dyn Exchange>),
    Own(Box<dyn PollSend>),
}

impl Send {
    /// A half of a middleware's own.
    pub fn new(half: impl PollSend + 'static) -> Self {
        Self { half: Half::Own(Box::new(half)) }
    }

    /// A server's half.
    #[must_use]
    pub fn shared(exchange: Arc<dyn Exchange>) -> Self {
        Self { half: Half::Shared(exchange) }
    }

    /// Sends an event.
    ///
    /// # Errors
    ///
    /// [`SendError::Disconnected`] when the client is gone, [`SendError::Invalid`] when the event is not
    /// valid now.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, the event is not sent.
    pub fn send(&mut self, event: impl Into<SendEvent>) -> Sending<'_> {
        Sending { send: self, slot: Some(event.into()) }
    }

    /// Polls to send the event in the slot; it is taken when the result is ready.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    pub fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        slot: &mut Option<SendEvent>,
    ) -> Poll<Result<(), SendError>> {
        match &mut self.half {
            Half::Shared(exchange) => exchange.poll_send(cx, slot),
            Half::Own(half) => half.poll_send(cx, slot),
        }
    }

    /// Waits until what was sent has left the server's buffers, as far as the server can tell.
    ///
    /// # Errors
    ///
    /// [`SendError::Disconnected`] when the client is gone.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn flush(&mut self) -> Result<(), SendError> {
        std::future::poll_fn(|cx| self.poll_flush(cx)).await
    }

    /// Polls until what was sent has left the server's buffers.
    ///
    /// # Errors
    ///
    /// As for [`flush`](Self::flush).
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        match &mut self.half {
            Half::Shared(exchange) => exchange.poll_flush(cx),
            Half::Own(half) => half.poll_flush(cx),
        }
    }

    /// Asks to be told what becomes of the response, without standing in its way.
    pub fn observe(&self, observer: Arc<dyn Observe>) {
        match &self.half {
            Half::Shared(exchange) => exchange.observe(observer),
            Half::Own(half) => half.observe(observer),
        }
    }

    /// A half whose events are changed on their way out: most of what a middleware about responses does.
    ///
    /// An event that has to wait for the server is changed anew each time the server is asked, from what
    /// it was: a change depends on the event alone. One that keeps a state of its own, such as a
    /// compression, implements [`PollSend`].
    ///
    /// # Examples
    ///
    /// ```
    /// use gateway_iface::asgi::event::SendEvent;
    /// use gateway_iface::http::HeaderValue;
    /// use gateway_iface::{Error, asgi, async_trait};
    ///
    /// struct Stamp<A> {
    ///     inner: A,
    /// }
    ///
    /// #[async_trait]
    /// impl<A: asgi::Application> asgi::Application for Stamp<A> {
    ///     async fn call(&self, scope: asgi::Scope, receive: asgi::Receive, send: asgi::Send) -> Result<(), Error> {
    ///         let send = send.map(|event| {
    ///             if let SendEvent::ResponseStart(start) = event {
    ///                 start.headers.append("x-stamp", HeaderValue::from_static("1"));
    ///             }
    ///         });
    ///         self.inner.call(scope, receive, send).await
    ///     }
    /// }
    /// # async fn app(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    /// #     scope.into_http()?;
    /// #     Ok(send.text(200, "x").await?)
    /// # }
    /// # use gateway_iface::testing::{AsgiClient, block_on};
    /// # use gateway_iface::http::Request;
    /// # let client = AsgiClient::new(Stamp { inner: app });
    /// # let response = block_on(client.request(Request::get("/").body("").unwrap())).unwrap();
    /// # assert_eq!(response.headers()["x-stamp"], "1");
    /// ```
    #[must_use]
    pub fn map(self, change: impl FnMut(&mut SendEvent) + core::marker::Send + 'static) -> Self {
        Self::new(Map::new(self, change))
    }

    /// Starts the response.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    ///
    /// # Cancel safety
    ///
    /// As for [`send`](Self::send).
    pub fn start(&mut self, status: StatusCode, headers: HeaderMap) -> Sending<'_> {
        self.send(ResponseStart::new(status, headers))
    }

    /// Sends a block of the body that others follow.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    ///
    /// # Cancel safety
    ///
    /// As for [`send`](Self::send).
    pub fn block(&mut self, data: impl Into<Bytes>) -> SendingBlock<'_> {
        SendingBlock { send: self, data: Some(data.into()), more_body: true }
    }

    /// Polls to send the block in the slot; it is taken when the result is ready.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    #[inline]
    pub fn poll_block(
        &mut self,
        cx: &mut Context<'_>,
        data: &mut Option<Bytes>,
        more_body: bool,
    ) -> Poll<Result<(), SendError>> {
        match &mut self.half {
            Half::Shared(exchange) => exchange.poll_block(cx, data, more_body),
            Half::Own(half) => block_by(data, more_body, |slot| half.poll_send(cx, slot)),
        }
    }

    /// Sends the last block of the body, which completes the response.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    ///
    /// # Cancel safety
    ///
    /// As for [`send`](Self::send).
    pub fn last(&mut self, data: impl Into<Bytes>) -> SendingBlock<'_> {
        SendingBlock { send: self, data: Some(data.into()), more_body: false }
    }

    /// Sends a whole response; a server knows its length.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, the start may have been accepted without the body.
    ///
    /// # Examples
    ///
    /// ```
    /// use gateway_iface::http::Response;
    /// # use gateway_iface::{Error, asgi};
    /// # async fn app(mut send: asgi::Send) -> Result<(), Error> {
    /// send.respond(Response::builder().status(201).header("location", "/7").body("made")?).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn respond<B: Into<Bytes>>(&mut self, response: Response<B>) -> Responding<'_> {
        let (parts, body) = response.into_parts();
        self.respond_with(parts.status, parts.headers, body.into())
    }

    /// Polls to send a whole response; both slots are taken when the result is ready.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    #[inline]
    pub fn poll_respond(
        &mut self,
        cx: &mut Context<'_>,
        start: &mut Option<ResponseStart>,
        body: &mut Option<Bytes>,
    ) -> Poll<Result<(), SendError>> {
        match &mut self.half {
            Half::Shared(exchange) => exchange.poll_respond(cx, start, body),
            Half::Own(half) => respond_by(start, body, |slot| half.poll_send(cx, slot)),
        }
    }

    /// Sends a whole response of plain text in UTF-8.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send); a number that is no final status is an invalid event.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, the start may have been accepted without the body.
    pub fn text(&mut self, status: u16, text: impl Into<Bytes>) -> Responding<'_> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        match StatusCode::from_u16(status) {
            Ok(status) => self.respond_with(status, headers, text.into()),
            Err(_) => Responding { send: self, start: None, body: None, invalid: Some(status) },
        }
    }

    /// Sends a response whose body comes from a stream.
    ///
    /// A body that fails ends the call with its error, and the server breaks the connection off so
    /// that the client sees the cut (A-106).
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send), and any error of the stream.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, the response stays incomplete.
    pub async fn stream<S, B, E>(&mut self, response: Response<S>) -> Result<(), Error>
    where
        S: Stream<Item = Result<B, E>>,
        B: Into<Bytes>,
        E: Into<BoxError>,
    {
        let (parts, body) = response.into_parts();
        self.start(parts.status, parts.headers).await?;
        let mut body = pin!(body);
        while let Some(block) = std::future::poll_fn(|cx| body.as_mut().poll_next(cx)).await {
            self.block(block.map_err(Error::new)?).await?;
        }
        self.last(Bytes::new()).await?;
        Ok(())
    }

    const fn respond_with(&mut self, status: StatusCode, headers: HeaderMap, body: Bytes) -> Responding<'_> {
        Responding {
            send: self,
            start: Some(ResponseStart::new(status, headers)),
            body: Some(body),
            invalid: None,
        }
    }
}

impl fmt::Debug for Send {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Send").finish_non_exhaustive()
    }
}
