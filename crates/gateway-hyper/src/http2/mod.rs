//! HTTP/2: the streams of one connection, each a request with a task of its own.
//!
//! The framing is `h2`'s, used without hyper, which has no way to send 1xx responses over HTTP/2.

mod body;
mod connection;
mod outgoing;
mod stream;
mod tunnel;
mod turns;
mod watched;
mod websocket;

pub(crate) use self::connection::serve;
