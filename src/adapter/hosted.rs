//! A call of an application that a framework drives.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use http::HeaderMap;

use super::exchange::HostedExchange;
use super::failed::Failed;
use super::host::{Host, Rest};
use super::state::Next;
use crate::asgi::call::Call;
use crate::asgi::event::ResponseStart;
use crate::asgi::{Application, HttpScope, Receive, Send};
use crate::error::BoxError;
use crate::queue::Queue;
use crate::request::RequestHead;

/// A call of an application that a framework drives in place: it polls for the head of the response, then for its
/// blocks, and the application runs while it does. There is no task and no channel between the two.
///
/// # Contract
///
/// - The head stays back until content comes with it, so that an application that fails before is answered with an
///   error of the framework's own (A-68, A-106).
/// - A bounded number of blocks, 16 of 64 KiB together, waits until the framework asks for the first of them; then the
///   application's next send does (A-11). Blocks of the
///   request are asked for when the application receives. Where it only waits for the end of its exchange, as much is read
///   ahead, unless the client waits for 100 (H-57): a framework that does not read does not see that its client left.
/// - An error or a panic of the application ends this call only (A-104).
/// - Dropped before the response is complete, it tells the application that its client left (A-95, A-100), except
///   where a framework does so for HEAD, 204, 304 and bodies of known length: then what is still sent goes
///   nowhere (A-75). What is left of the call goes on by [`Host::spawn`] (A-06).
///
/// # Examples
///
/// ```
/// use std::future::poll_fn;
/// use std::sync::Arc;
///
/// use gateway_iface::adapter::{Host, Hosted, Rest};
/// use gateway_iface::bytes::Bytes;
/// use gateway_iface::http::Request;
/// use gateway_iface::{BoxError, Error, RequestHead, asgi};
/// # use gateway_iface::futures_core::Stream;
/// # struct NoBody;
/// # impl Stream for NoBody {
/// #     type Item = Result<Bytes, BoxError>;
/// #     fn poll_next(self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>) -> std::task::Poll<Option<Self::Item>> {
/// #         std::task::Poll::Ready(None)
/// #     }
/// # }
/// # struct Tokio;
/// # impl Host for Tokio {
/// #     fn spawn(&self, _: Rest) {}
/// #     fn report(&self, _: &Error) {}
/// # }
///
/// async fn app(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
///     scope.into_http()?;
///     Ok(send.text(200, "hosted").await?)
/// }
///
/// # gateway_iface::testing::block_on(async {
/// let head = RequestHead::new(Request::get("/").body(())?.into_parts().0);
/// let mut call = Hosted::begin(Arc::new(app), head, NoBody, Arc::new(Tokio));
/// let start = poll_fn(|cx| call.poll_head(cx)).await?;
/// let block = poll_fn(|cx| call.poll_block(cx)).await;
/// assert_eq!((start.status.as_u16(), block.transpose()?), (200, Some(Bytes::from("hosted"))));
/// # Ok::<(), Error>(())
/// # }).unwrap();
/// ```
#[must_use = "an application runs when its response is polled"]
pub struct Hosted {
    /// Never locked: it makes the whole `Sync`, as many frameworks want a body to be.
    call: Mutex<Option<Call<'static>>>,
    exchange: Arc<HostedExchange>,
    /// Blocks that were taken of the exchange, and what follows them.
    blocks: Queue,
    next: Next,
    /// Whether the framework had time to send what it was given, before it is told of a failure.
    paused: bool,
    /// Octets that are still to come, where a length was declared.
    remaining: Option<u64>,
}

impl Hosted {
    /// Begins the call for the request with this head and body; nothing of the application runs yet.
    ///
    /// A body whose [`size_hint`](Stream::size_hint) says that nothing is to come is never polled; nor is one
    /// again after it said so. An error of it is told as the loss of the client (A-67).
    ///
    /// What the head [says is supported](RequestHead::capabilities) of the response is
    /// [trailers](crate::asgi::Capability::Trailers) at the most.
    pub fn begin<A: Application + ?Sized + 'static>(
        app: Arc<A>,
        head: impl Into<Box<RequestHead>>,
        body: impl Stream<Item = Result<Bytes, BoxError>> + core::marker::Send + 'static,
        host: Arc<dyn Host>,
    ) -> Self {
        let mut head = head.into();
        let bodiless = body.size_hint().1 == Some(0);
        head.set_bodiless(bodiless);
        let body = if bodiless { None } else { Some(Box::pin(body) as _) };
        let exchange = Arc::new(HostedExchange::new(&head, body, host));
        let (receive, send) = (Receive::shared(exchange.clone()), Send::shared(exchange.clone()));
        let scope = HttpScope::new(head).into();
        let call = Call::new(|| Box::pin(async move { app.call(scope, receive, send).await }));
        Self {
            call: Mutex::new(Some(call)),
            exchange,
            blocks: Queue::default(),
            next: Next::Unknown,
            paused: false,
            remaining: None,
        }
    }

    /// Polls for the head of the response, once.
    ///
    /// # Errors
    ///
    /// [`Failed`] when the application left none: the framework answers in its place.
    pub fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<ResponseStart, Failed>> {
        self.drive(cx);
        let head = self.exchange.poll_head(cx);
        if let Poll::Ready(Ok(_)) = &head {
            self.remaining = self.exchange.declared_length();
        }
        head
    }

    /// All of the body, where the response is complete and all of it is there; to be asked when the head is out. What is
    /// left of the call goes on when this is dropped.
    ///
    /// In answer to HEAD, and of 204 and 304, it is empty, which says nothing of the length that a GET would have (H-78).
    pub fn take_whole(&mut self) -> Option<Bytes> {
        let whole = self.exchange.take_whole()?;
        self.next = Next::End;
        Some(whole)
    }

    /// Polls for the next block of the body; `None` when the response is complete.
    ///
    /// # Errors
    ///
    /// [`Failed`] when the response was broken off: the framework breaks its own off so that the client sees the
    /// cut (A-106, H-87).
    pub fn poll_block(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Failed>>> {
        if self.blocks.is_empty() && self.next == Next::Unknown {
            self.next = self.exchange.take_blocks(&mut self.blocks, None);
            if self.blocks.is_empty() && self.next == Next::Unknown {
                self.drive(cx);
                self.next = self.exchange.take_blocks(&mut self.blocks, Some(cx));
            }
        }
        if let Some(block) = self.blocks.pop() {
            self.remaining = self.remaining.map(|left| left.saturating_sub(block.len() as u64));
            return Poll::Ready(Some(Ok(block)));
        }
        match self.next {
            Next::Unknown => Poll::Pending,
            Next::End | Next::Trailers => Poll::Ready(None),
            // It would throw away what it was given in the same turn.
            Next::Failure if !std::mem::replace(&mut self.paused, true) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Next::Failure => Poll::Ready(self.exchange.failed().map(Err)),
        }
    }

    /// The fields that follow the body, once it is over.
    #[must_use]
    pub fn take_trailers(&mut self) -> Option<HeaderMap> {
        if self.next == Next::Trailers { self.exchange.take_trailers() } else { None }
    }

    /// Whether it is known that neither a block nor trailers come any more.
    #[must_use]
    pub fn is_end(&self) -> bool {
        self.blocks.is_empty() && matches!(self.next, Next::End)
    }

    /// How many octets are still to come, where the application declared a length.
    #[must_use]
    pub const fn remaining(&self) -> Option<u64> {
        self.remaining
    }

    fn drive(&mut self, cx: &mut Context<'_>) {
        let slot = self.call.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(call) = slot {
            self.exchange.drive(|| {
                let _ = call.poll(cx);
            });
            if call.is_over() {
                let result = call.take_result();
                *slot = None;
                if let Some(result) = result {
                    self.exchange.end(result);
                }
            }
        }
    }
}

impl Drop for Hosted {
    fn drop(&mut self) {
        self.exchange.abandon(self.remaining != Some(0));
        if let Some(call) = self.call.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            let rest = Rest::new(call, self.exchange.clone());
            self.exchange.host().spawn(rest);
        }
    }
}

impl fmt::Debug for Hosted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hosted").field("end", &self.is_end()).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "hosted_tests.rs"]
mod tests;
