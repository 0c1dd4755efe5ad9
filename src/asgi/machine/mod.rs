//! The order of events: one state machine a protocol, shared by servers, validator and test client.
//!
//! A machine holds no transport and waits for nothing. A server asks it about every event that an
//! application sends, acts on what it accepts, and asks it what to do when the application ends.

mod http;
mod http_head;
mod lifespan;
mod websocket;

pub use self::http::{Action, Ending, HttpMachine, HttpState, Step};
pub(crate) use self::http_head::check_start;
pub use self::lifespan::{LifespanMachine, LifespanState as LifespanPhase};
pub use self::websocket::{WebSocketEnding, WebSocketMachine, WebSocketState};
