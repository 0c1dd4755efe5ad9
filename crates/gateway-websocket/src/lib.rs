//! WebSockets for [gateway-iface](gateway_iface) applications, over any stream of octets.
//!
//! It is the server's side of RFC 6455 without the server: the handshake as a request that someone else has read and
//! an answer that someone else sends, and behind that the socket over whatever reads and writes. The native server is
//! built on it, and so are the adapters of frameworks, so that an application finds the same socket everywhere.
//!
//! [`accept`] is the entrance for an adapter: it has the application answer the handshake, and hands out the answer and
//! what goes on behind it. Its example is a whole server, but for HTTP.
//!
//! [`Relay`] is the other direction: a framework's handler that speaks WebSocket itself, as an application.
//!
//! A server with its own ideas of tasks takes the parts:
//!
//! 1. [`is_asked`] tells which requests are meant, [`Handshake`] reads one, [`refusal`] answers what it is not;
//! 2. [`Session`] is the application's call from there on, and answers the handshake with a [`Content`];
//! 3. [`Driver`] is the open socket: a future over the connection;
//! 4. [`Watch`] is told what becomes of it, for those that count.
//!
//! [`Settings`] has the limits: sizes of messages and frames, pings, waits, permessage-deflate, origins.
//!
//! # What it does
//!
//! Messages are whole and in order, with backpressure both ways: reading pauses while the application does not receive
//! (S-42), and a `send` waits while the client does not take what there is. Pings are answered, silent clients
//! pinged and given up (S-43, S-45). Whatever is against the protocol, or too large, closes the socket with the code
//! that says so (S-58). An idle socket holds no buffers.
//!
//! The heads of frames are read and written by tungstenite, and permessage-deflate is done by flate2. What
//! is between them and the application is here, because the exchange needs a say in all of it: what is
//! read ahead, when a pong or a close goes out, and what becomes of memory.
//!
//! Waits are tokio's: sessions and drivers are polled in a runtime that has its time enabled. What there is to say goes
//! to `tracing`; without a subscriber it is silent.

mod accept;
mod close;
mod content;
mod deflate;
mod driver;
mod exchange;
mod extensions;
mod frame;
mod halves;
mod handshake;
mod inflate;
mod reader;
mod relay;
mod response;
mod run;
mod session;
mod settings;
mod state;
mod timer;
mod watch;

pub use self::accept::{Accepting, accept};
pub use self::content::{Aborted, Content};
pub use self::driver::Driver;
pub use self::handshake::{Handshake, is_asked};
pub use self::relay::Relay;
pub use self::response::refusal;
pub use self::session::Session;
pub use self::settings::{Deflate, Settings};
pub use self::watch::{CallEnd, Limit, Watch};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
