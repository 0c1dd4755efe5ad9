//! What becomes of a WebSocket, for whoever serves it.

use gateway_iface::Error;

/// Learns what becomes of one WebSocket, as a server does that counts and that has limits of its own.
///
/// It belongs to the [`Session`](crate::Session), and is dropped with it: what it holds, such as a place among the
/// requests under way, is held as long. Who has no use for any of this passes `()`.
pub trait Watch: Send + Unpin {
    /// The socket is open.
    fn opened(&mut self) {}

    /// The client or the application hit a limit.
    fn hit(&mut self, limit: Limit) {
        let _ = limit;
    }

    /// The application's call is over; told once.
    fn call_ended(&mut self, how: CallEnd<'_>) {
        let _ = how;
    }

    /// The open socket was polled: whether writing waits for the client now, and whether the client took
    /// anything since this was last told.
    fn written(&mut self, blocked: bool, moved: bool) {
        let _ = (blocked, moved);
    }
}

/// Nothing is of interest.
impl Watch for () {}

/// How an application's call ended.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum CallEnd<'a> {
    /// It returned, and had said all that it must.
    Complete,
    /// It returned as if all were well, before it had answered the handshake.
    Incomplete,
    /// It failed. That its client is gone is no fault of its own:
    /// [`Error::is_disconnected`].
    Failed(&'a Error),
    /// It panicked.
    Panicked,
    /// It was dropped where it waited.
    Cancelled,
}

/// A limit on a WebSocket that a client or an application can hit.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Limit {
    /// The size of a message or of a frame: [`Settings::max_message`](crate::Settings::max_message) and
    /// [`Settings::max_frame`](crate::Settings::max_frame).
    Size,
    /// The time in which the handshake is answered:
    /// [`Settings::handshake_timeout`](crate::Settings::handshake_timeout).
    HandshakeTime,
    /// The time in which the client takes nothing: [`Settings::write_timeout`](crate::Settings::write_timeout).
    WriteTime,
    /// The time in which the client answers a ping: [`Settings::pong_timeout`](crate::Settings::pong_timeout).
    PongTime,
}
