//! An actix-web application as an asynchronous application.

#[expect(clippy::module_inception, reason = "the type of that name, in a file of its own")]
mod from_actix;
mod handler;
mod handover;
mod relay;
mod request;
mod websocket;
mod workers;

pub use self::from_actix::FromActix;
pub use self::workers::StartError;
