//! The asynchronous interface: one call for each request, WebSocket or lifespan, with two halves that
//! carry events.
//!
//! Read [`Application`] first, then [`Scope`], [`Receive`] and [`Send`], and [`event`] for what the
//! halves carry. A server implements [`Exchange`]; the order of events that it must keep is one piece
//! of code, [`machine`].
//!
//! Two names hide names of the standard library when they are imported, so they are not: write
//! `asgi::Send`, and `asgi::event::Debug`.

mod application;
pub(crate) mod call;
mod capabilities;
mod error;
pub mod event;
mod exchange;
mod lifespan;
pub mod machine;
mod map;
mod receive;
mod scope;
mod send;
mod sending;
mod sse;
mod state;
mod websocket;

pub use self::application::Application;
pub use self::capabilities::{Capabilities, Capability, Tls};
pub use self::error::{BodyLimitError, Disconnect, InvalidEvent, ReadBodyError, SendError};
pub use self::exchange::{Exchange, PollReceive, PollSend};
pub use self::lifespan::{LifespanError, LifespanExchange};
pub use self::receive::{Receive, Receiving};
pub use self::scope::{HttpScope, LifespanScope, Scope, WebSocketScope};
pub use self::send::Send;
pub use self::sending::{Responding, Sending, SendingBlock};
pub use self::sse::{SseEvent, SseStream};
pub use self::state::{LifespanState, State};
pub use self::websocket::{Handshake, WebSocket, WebSocketClosed};

/// The version of the core texts that this interface follows.
pub const VERSION: &str = "3.0";

/// The version of the HTTP and WebSocket texts.
pub const SPEC_VERSION: &str = "2.5";

/// The version of the lifespan text.
pub const LIFESPAN_SPEC_VERSION: &str = "2.0";
