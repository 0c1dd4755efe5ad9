//! What waits until the server has accepted something.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;

use super::event::{ResponseStart, SendEvent};
use super::{InvalidEvent, Send, SendError};

/// Waits until an event is accepted; see [`Send::send`].
#[derive(Debug)]
#[must_use = "an event is sent when this is awaited"]
pub struct Sending<'a> {
    pub(super) send: &'a mut Send,
    pub(super) slot: Option<SendEvent>,
}

impl Future for Sending<'_> {
    type Output = Result<(), SendError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        this.send.poll_send(cx, &mut this.slot)
    }
}

/// Waits until a block of the body is accepted; see [`Send::block`] and [`Send::last`].
#[derive(Debug)]
#[must_use = "a block is sent when this is awaited"]
pub struct SendingBlock<'a> {
    pub(super) send: &'a mut Send,
    pub(super) data: Option<Bytes>,
    pub(super) more_body: bool,
}

impl Future for SendingBlock<'_> {
    type Output = Result<(), SendError>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        this.send.poll_block(cx, &mut this.data, this.more_body)
    }
}

/// Waits until a whole response is accepted; see [`Send::respond`].
#[derive(Debug)]
#[must_use = "a response is sent when this is awaited"]
pub struct Responding<'a> {
    pub(super) send: &'a mut Send,
    pub(super) start: Option<ResponseStart>,
    pub(super) body: Option<Bytes>,
    pub(super) invalid: Option<u16>,
}

impl Future for Responding<'_> {
    type Output = Result<(), SendError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let Some(status) = this.invalid {
            let event = InvalidEvent::new("http.response.start", format!("{status} is no status"));
            return Poll::Ready(Err(event.into()));
        }
        this.send.poll_respond(cx, &mut this.start, &mut this.body)
    }
}
