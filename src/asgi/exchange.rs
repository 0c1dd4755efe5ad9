//! What a server, or a middleware, implements behind the two halves.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;

use super::event::{ReceiveEvent, ResponseBody, ResponseStart, SendEvent};
use super::{Disconnect, SendError};
use crate::outcome::Observe;

/// The server's side of one exchange: what stands behind [`Receive`](super::Receive) and
/// [`Send`](super::Send) when one `Arc` serves both.
///
/// # Contract
///
/// - Both halves may wait at the same time, from different tasks (A-13): a waker of one must not
///   replace the other's. `poll_receive` and `poll_disconnect` share a waker.
/// - A poll that returns `Pending` has taken nothing and will wake the task (A-12, A-14). So will a
///   `poll_disconnect` that told of a [`Shutdown`](Disconnect::Shutdown), when something else ends the exchange before
///   its time is over.
/// - `poll_send` empties the slot when it accepts the event or refuses it, and leaves it full on
///   `Pending`. It is ready when the event was accepted: at most one event beyond a fixed buffer, so
///   that waiting is the backpressure (A-11). With an empty slot it takes nothing, and is ready when an event
///   would be accepted.
/// - The order of events is that of [`machine`](super::machine), whose observers it keeps.
/// - `poll_disconnect` of a lifespan may be called while its call is dropped, by what wants to know why
///   that is (A-06).
pub trait Exchange: Send + Sync {
    /// The next event (A-67).
    fn poll_receive(&self, cx: &mut Context<'_>) -> Poll<ReceiveEvent>;

    /// Waits for the end of the exchange, without taking an event.
    fn poll_disconnect(&self, cx: &mut Context<'_>) -> Poll<Disconnect>;

    /// Takes an event out of the slot.
    fn poll_send(&self, cx: &mut Context<'_>, slot: &mut Option<SendEvent>) -> Poll<Result<(), SendError>>;

    /// Takes a whole response, start and last block; by default, one event after the other.
    ///
    /// A server that can take both in one go makes a short answer cheaper.
    fn poll_respond(
        &self,
        cx: &mut Context<'_>,
        start: &mut Option<ResponseStart>,
        body: &mut Option<Bytes>,
    ) -> Poll<Result<(), SendError>> {
        respond_by(start, body, |slot| self.poll_send(cx, slot))
    }

    /// Takes a block of the response body; by default, as the event that it is.
    ///
    /// A server that can take it without building the event makes a stream cheaper.
    fn poll_block(
        &self,
        cx: &mut Context<'_>,
        data: &mut Option<Bytes>,
        more_body: bool,
    ) -> Poll<Result<(), SendError>> {
        block_by(data, more_body, |slot| self.poll_send(cx, slot))
    }

    /// Waits until what was accepted has left the server's buffers, as far as it can tell.
    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>>;

    /// Adds an observer of this exchange.
    fn observe(&self, observer: Arc<dyn Observe>);
}

/// What stands behind a [`Receive`](super::Receive) that a middleware wrapped.
///
/// The contract is that of [`Exchange`]; a wrapper forwards both methods.
pub trait PollReceive: Send {
    /// The next event.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<ReceiveEvent>;

    /// Waits for the end of the exchange, without taking an event.
    fn poll_disconnect(&mut self, cx: &mut Context<'_>) -> Poll<Disconnect>;
}

/// What stands behind a [`Send`](super::Send) that a middleware wrapped.
///
/// The contract is that of [`Exchange`]; a wrapper forwards what it does not change. A slot may come empty: it
/// asks whether there is room, and is passed on as it is. An event in a slot that was left full comes again, as the wrapper left it: a wrapper that changes events takes care not
/// to change one twice, as [`asgi::Send::map`](super::Send::map) does.
///
/// # Examples
///
/// A layer that edits heads, in a way that may happen twice, and lets everything else pass:
///
/// ```
/// use std::sync::Arc;
/// use std::task::{Context, Poll};
///
/// use gateway_iface::Observe;
/// use gateway_iface::asgi::event::SendEvent;
/// use gateway_iface::asgi::{self, PollSend, SendError};
/// use gateway_iface::http::HeaderValue;
///
/// struct Stamp {
///     inner: asgi::Send,
/// }
///
/// impl PollSend for Stamp {
///     fn poll_send(&mut self, cx: &mut Context<'_>, slot: &mut Option<SendEvent>) -> Poll<Result<(), SendError>> {
///         if let Some(SendEvent::ResponseStart(start)) = slot {
///             start.headers.insert("x-stamp", HeaderValue::from_static("1"));
///         }
///         self.inner.poll_send(cx, slot)
///     }
///
///     fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
///         self.inner.poll_flush(cx)
///     }
///
///     fn observe(&self, observer: Arc<dyn Observe>) {
///         self.inner.observe(observer);
///     }
/// }
/// # fn wrap(inner: asgi::Send) -> asgi::Send { asgi::Send::new(Stamp { inner }) }
/// ```
pub trait PollSend: Send {
    /// Takes an event out of the slot.
    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        slot: &mut Option<SendEvent>,
    ) -> Poll<Result<(), SendError>>;

    /// Waits until what was accepted has left the buffers.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>>;

    /// Adds an observer of this exchange.
    fn observe(&self, observer: Arc<dyn Observe>);
}

/// Sends a whole response as two events.
pub(super) fn respond_by(
    start: &mut Option<ResponseStart>,
    body: &mut Option<Bytes>,
    mut poll_send: impl FnMut(&mut Option<SendEvent>) -> Poll<Result<(), SendError>>,
) -> Poll<Result<(), SendError>> {
    if let Some(taken) = start.take() {
        let mut slot = Some(SendEvent::ResponseStart(taken));
        let polled = poll_send(&mut slot);
        if let Some(SendEvent::ResponseStart(kept)) = slot {
            *start = Some(kept);
        }
        ready!(polled)?;
    }
    block_by(body, false, poll_send)
}

/// Sends a block as an event.
pub(super) fn block_by(
    data: &mut Option<Bytes>,
    more_body: bool,
    mut poll_send: impl FnMut(&mut Option<SendEvent>) -> Poll<Result<(), SendError>>,
) -> Poll<Result<(), SendError>> {
    let Some(taken) = data.take() else {
        return Poll::Ready(Ok(()));
    };
    let event = if more_body { ResponseBody::block(taken) } else { ResponseBody::last(taken) };
    let mut slot = Some(SendEvent::ResponseBody(event));
    let polled = poll_send(&mut slot);
    if let Some(SendEvent::ResponseBody(kept)) = slot {
        *data = Some(kept.body);
    }
    polled
}
