//! The body that hyper pulls.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use gateway_websocket::Content;
use http_body::{Frame, SizeHint};

use super::link::Link;
use crate::exchange::{Aborted, HttpExchange, Next};

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
    WebSocket(Answer),
}

#[derive(Debug)]
struct Stream {
    exchange: Arc<HttpExchange>,
    link: Arc<Link>,
    blocks: VecDeque<Bytes>,
    next: Next,
}

/// What the handshake of a WebSocket is answered with.
#[derive(Debug)]
struct Answer {
    content: Content,
    link: Arc<Link>,
}

impl Body {
    pub(super) const fn full(block: Bytes) -> Self {
        Self { repr: Repr::Full(block) }
    }

    pub(super) fn stream(exchange: Arc<HttpExchange>, link: Arc<Link>) -> Self {
        Self { repr: Repr::Stream(Stream { exchange, link, blocks: VecDeque::new(), next: Next::Unknown }) }
    }

    pub(super) const fn content(content: Content, link: Arc<Link>) -> Self {
        Self { repr: Repr::WebSocket(Answer { content, link }) }
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
            Repr::WebSocket(answer) => answer.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.repr {
            Repr::Full(block) => block.is_empty(),
            Repr::Stream(stream) => stream.blocks.is_empty() && stream.next == Next::End,
            Repr::WebSocket(answer) => answer.content.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.repr {
            Repr::Full(block) => SizeHint::with_exact(block.len() as u64),
            Repr::Stream(_) => SizeHint::default(),
            Repr::WebSocket(answer) => answer.content.size_hint(),
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

impl Answer {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Aborted>>> {
        let mut polled = self.content.poll_block(cx);
        if polled.is_pending() {
            self.link.drive(cx);
            polled = self.content.poll_block(cx);
        }
        match ready!(polled) {
            Some(Ok(block)) => Poll::Ready(Some(Ok(Frame::data(block)))),
            Some(Err(_)) => self.link.poll_flushed().map(|()| Some(Err(Aborted))),
            None => Poll::Ready(None),
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.exchange.discard(std::mem::take(&mut self.blocks));
    }
}
