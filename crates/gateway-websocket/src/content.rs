//! The body of the answer to a handshake.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::exchange::{Next, WebSocketExchange};

/// The body of the answer to a handshake: nothing for a socket that opens, a line of text for a refusal, and for a
/// denial what the application sends (S-22).
///
/// While the application's call is under way, whoever drives it must go on with that: this body only takes what is
/// there, and waits to be woken.
#[derive(Debug)]
pub struct Content {
    repr: Repr,
}

#[derive(Debug)]
enum Repr {
    Whole(Bytes),
    Denied(Denied),
}

impl Content {
    pub(super) const fn whole(block: Bytes) -> Self {
        Self { repr: Repr::Whole(block) }
    }

    pub(super) const fn denied(exchange: Arc<WebSocketExchange>) -> Self {
        Self { repr: Repr::Denied(Denied { exchange, blocks: VecDeque::new(), next: Next::Unknown }) }
    }

    /// Takes the next block; `None` is the end.
    ///
    /// # Errors
    ///
    /// [`Aborted`], again and again, when the application ended before its denial did: the answer is to be broken
    /// off, so that the client knows that it is not whole.
    ///
    /// # Cancel safety
    ///
    /// A poll that is pending took nothing.
    pub fn poll_block(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Aborted>>> {
        match &mut self.repr {
            Repr::Whole(block) if block.is_empty() => Poll::Ready(None),
            Repr::Whole(block) => Poll::Ready(Some(Ok(std::mem::take(block)))),
            Repr::Denied(denied) => denied.poll_block(cx),
        }
    }
}

impl Body for Content {
    type Data = Bytes;
    type Error = Aborted;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Aborted>>> {
        self.poll_block(cx).map(|block| block.map(|block| block.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        match &self.repr {
            Repr::Whole(block) => block.is_empty(),
            Repr::Denied(denied) => denied.blocks.is_empty() && denied.next == Next::End,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.repr {
            Repr::Whole(block) => SizeHint::with_exact(block.len() as u64),
            Repr::Denied(_) => SizeHint::default(),
        }
    }
}

/// The application ended before its denial did: the answer is broken off (A-106, H-87).
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the response was broken off")]
#[non_exhaustive]
pub struct Aborted;

/// The body of a denial, as far as it was taken.
#[derive(Debug)]
struct Denied {
    exchange: Arc<WebSocketExchange>,
    blocks: VecDeque<Bytes>,
    next: Next,
}

impl Denied {
    fn poll_block(&mut self, cx: &Context<'_>) -> Poll<Option<Result<Bytes, Aborted>>> {
        if self.blocks.is_empty() && self.next == Next::Unknown {
            self.next = self.exchange.take_blocks(cx, &mut self.blocks);
        }
        match (self.blocks.pop_front(), self.next) {
            (Some(block), _) => Poll::Ready(Some(Ok(block))),
            (None, Next::Unknown) => Poll::Pending,
            (None, Next::End) => Poll::Ready(None),
            (None, Next::Abort) => Poll::Ready(Some(Err(Aborted))),
        }
    }
}

impl Drop for Denied {
    fn drop(&mut self) {
        self.exchange.discard();
    }
}
