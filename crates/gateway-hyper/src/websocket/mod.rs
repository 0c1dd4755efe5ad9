//! WebSockets: the handshake, the messages, and what drives them.
//!
//! The heads of frames are read and written by tungstenite, and permessage-deflate is done by flate2. What
//! is between them and the application is here, because the exchange needs a say in all of it: what is
//! read ahead, when a pong or a close goes out, and what becomes of memory.

mod close;
mod deflate;
mod driver;
mod exchange;
mod extensions;
mod frame;
mod halves;
mod handshake;
mod inflate;
mod reader;
mod response;
mod session;
mod settings;
mod state;
mod timer;

pub use self::settings::WebSocketDeflate;

pub(crate) use self::driver::Driver;
pub(crate) use self::exchange::Denied;
pub(crate) use self::handshake::{Handshake, is_asked};
pub(crate) use self::response::{Content, refusal};
pub(crate) use self::session::Session;
pub(crate) use self::settings::Settings;
