//! The body that hyper pulls.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use super::link::Link;
use crate::exchange::{Aborted, HttpExchange, Next};
use crate::websocket::Denied;

/// A response body: one block that is there already, or whatever the application still sends, in answer
/// to a request or to the handshake of a WebSocket.
#[derive(Debug)]
pub(crate) struct Body {
    repr: Repr,
}

#[derive(Debug)]
enum Repr {
    Full(Bytes),
    Stream(Stream),
    Denied(DeniedStream),
}

#[derive(Debug)]
struct Stream {
    exchange: Arc<HttpExchange>,
    link: Arc<Link>,
    blocks: VecDeque<Bytes>,
    next: Next,
}

#[derive(Debug)]
struct DeniedStream {
    denied: Denied,
    link: Arc<Link>,
    blocks: VecDeque<Bytes>,
    next: Next,
}

impl Body {
    pub(super) const fn full(block: Bytes) -> Self {
        Self { repr: Repr::Full(block) }
    }

    pub(super) fn stream(exchange: Arc<HttpExchange>, link: Arc<Link>) -> Self {
        Self { repr: Repr::Stream(Stream { exchange, link, blocks: VecDeque::new(), next: Next::Unknown }) }
    }

    pub(super) fn denied(denied: Denied, link: Arc<Link>) -> Self {
        let stream = DeniedStream { denied, link, blocks: VecDeque::new(), next: Next::Unknown };
        Self { repr: Repr::Denied(stream) }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Aborted;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Aborted>>> {
        match &mut self.repr {
            Repr::Full(block) if block.is_empty() => Poll::Ready(None),
            Repr::Full(block) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(block))))),
            Repr::Stream(stream) => stream.poll_frame(cx),
            Repr::Denied(stream) => stream.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.repr {
            Repr::Full(block) => block.is_empty(),
            Repr::Stream(stream) => stream.blocks.is_empty() && stream.next == Next::End,
            Repr::Denied(stream) => stream.blocks.is_empty() && stream.next == Next::End,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.repr {
            Repr::Full(block) => SizeHint::with_exact(block.len() as u64),
            Repr::Stream(_) | Repr::Denied(_) => SizeHint::default(),
        }
    }
}

impl Stream {
    #[inline]
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Aborted>>> {
        match self.blocks.pop_front() {
            Some(block) => Poll::Ready(Some(Ok(Frame::data(block)))),
            None => self.poll_more(cx),
        }
    }

    /// No block is at hand.
    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Aborted>>> {
        if self.next == Next::Unknown {
            self.next = self.exchange.take_blocks(cx, &mut self.blocks);
            if self.blocks.is_empty() && self.next == Next::Unknown {
                self.link.drive(cx);
                self.next = self.exchange.take_blocks(cx, &mut self.blocks);
            }
        }
        match (self.blocks.pop_front(), self.next) {
            (Some(block), _) => Poll::Ready(Some(Ok(Frame::data(block)))),
            (None, Next::End) => Poll::Ready(None),
            (None, Next::Trailers) => {
                self.next = Next::End;
                Poll::Ready(self.exchange.take_trailers().map(|fields| Ok(Frame::trailers(fields))))
            }
            // hyper throws away what it still holds when a body fails.
            (None, Next::Abort) => self.link.poll_flushed().map(|()| Some(Err(Aborted))),
            (None, Next::Unknown) => Poll::Pending,
        }
    }
}

impl DeniedStream {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Aborted>>> {
        if self.blocks.is_empty() && self.next == Next::Unknown {
            self.next = self.denied.take_blocks(cx, &mut self.blocks);
            if self.blocks.is_empty() && self.next == Next::Unknown {
                self.link.drive(cx);
                self.next = self.denied.take_blocks(cx, &mut self.blocks);
            }
        }
        match (self.blocks.pop_front(), self.next) {
            (Some(block), _) => Poll::Ready(Some(Ok(Frame::data(block)))),
            (None, Next::Abort) => self.link.poll_flushed().map(|()| Some(Err(Aborted))),
            (None, Next::Unknown) => Poll::Pending,
            (None, _) => Poll::Ready(None),
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.exchange.discard(std::mem::take(&mut self.blocks));
    }
}
