//! The body of a response on its way out of a stream.

use std::collections::VecDeque;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use gateway_websocket::Content;
use h2::{Reason, SendStream};
use http::HeaderMap;

use super::connection::Shared;
use super::turns::Turn;
use crate::exchange::{HttpExchange, Next};
use crate::waits::{Limited, Wait, Waits};

/// Where blocks come from.
pub(super) trait Source {
    /// Takes all blocks that are there; what follows them. Where that is not known it wakes the task.
    fn take_blocks(&mut self, cx: &mut Context<'_>, blocks: &mut VecDeque<Bytes>) -> Next;

    /// The fields that follow the body.
    fn take_trailers(&self) -> Option<HeaderMap>;
}

/// The body of one response, as far as it is out.
#[derive(Debug)]
pub(super) struct Body {
    stream: SendStream<Bytes>,
    blocks: VecDeque<Bytes>,
    next: Next,
    /// The turn of the connection that a reset waits for.
    last_turn: Option<Turn>,
    /// Whether the client took something since that was last looked at.
    moved: bool,
}

impl Body {
    /// For a stream whose head is out, with what of the body is there already.
    pub(super) const fn new(stream: SendStream<Bytes>, blocks: VecDeque<Bytes>, next: Next) -> Self {
        Self { stream, blocks, next, last_turn: None, moved: false }
    }

    /// Watches over the time in which the client takes nothing of what there is; `pending` tells what the last
    /// [`poll`](Self::poll) came to.
    pub(super) fn watch(&mut self, pending: bool, waits: &Waits, limit: Limited) {
        let moved = std::mem::take(&mut self.moved);
        waits.watch(Wait::Write, pending && !self.blocks.is_empty(), moved, limit);
    }

    /// Whether the client took its request back.
    pub(super) fn poll_reset(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.stream.poll_reset(cx).map(|_| ())
    }

    /// Gives the stream up.
    pub(super) fn reset(&mut self, reason: Reason) {
        self.stream.send_reset(reason);
    }

    /// Writes out what there is; ready when that was all.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut impl Source,
        reads_trailers: bool,
        shared: &Shared,
    ) -> Poll<Result<(), Lost>> {
        loop {
            if self.blocks.is_empty() && self.next == Next::Unknown {
                self.next = source.take_blocks(cx, &mut self.blocks);
            }
            let Some(block) = self.blocks.front_mut() else {
                match self.next {
                    Next::Unknown => return Poll::Pending,
                    Next::Abort if self.stream.poll_reset(cx).is_ready() => return Poll::Ready(Err(Lost)),
                    Next::Abort => {
                        ready!(shared.poll_written(cx, &mut self.last_turn));
                        self.stream.send_reset(Reason::INTERNAL_ERROR);
                    }
                    Next::Trailers if reads_trailers => {
                        let fields = source.take_trailers().unwrap_or_default();
                        self.stream.send_trailers(fields).map_err(|_| Lost)?;
                    }
                    Next::End | Next::Trailers => {
                        self.stream.send_data(Bytes::new(), true).map_err(|_| Lost)?;
                    }
                }
                return Poll::Ready(Ok(()));
            };
            self.stream.reserve_capacity(block.len());
            let Some(Ok(room)) = ready!(self.stream.poll_capacity(cx)) else {
                return Poll::Ready(Err(Lost));
            };
            let piece = block.split_to(room.min(block.len()));
            self.moved = true;
            if block.is_empty() {
                self.blocks.pop_front();
            }
            let last = self.blocks.is_empty() && self.next == Next::End;
            self.stream.send_data(piece, last).map_err(|_| Lost)?;
            if last {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl Source for &HttpExchange {
    fn take_blocks(&mut self, cx: &mut Context<'_>, blocks: &mut VecDeque<Bytes>) -> Next {
        HttpExchange::take_blocks(self, cx, blocks)
    }

    fn take_trailers(&self) -> Option<HeaderMap> {
        HttpExchange::take_trailers(self)
    }
}

impl Source for Content {
    fn take_blocks(&mut self, cx: &mut Context<'_>, blocks: &mut VecDeque<Bytes>) -> Next {
        loop {
            match self.poll_block(cx) {
                Poll::Ready(Some(Ok(block))) => blocks.push_back(block),
                Poll::Ready(Some(Err(_))) => return Next::Abort,
                Poll::Ready(None) => return Next::End,
                Poll::Pending => return Next::Unknown,
            }
        }
    }

    fn take_trailers(&self) -> Option<HeaderMap> {
        None
    }
}

/// The stream was reset by the client, or its connection is gone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lost;
