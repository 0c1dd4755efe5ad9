//! Bridges: an application of one interface on a server of the other.
//!
//! | the application | the server | use | needs |
//! |---|---|---|---|
//! | [`wsgi::Application`](crate::wsgi::Application) that may block | asynchronous | [`WsgiToAsgi`] | threads of the caller's own: [`RunBlocking`] |
//! | [`wsgi::Application`](crate::wsgi::Application) that never waits | asynchronous | [`Inline`] | nothing |
//! | [`asgi::Application`](crate::asgi::Application) | blocking | [`AsgiToWsgi`] | nothing; what it waits for must wake it |
//!
//! None of them has a runtime. Each is an application itself, so middleware goes on either side.

mod asgi_to_wsgi;
mod asgi_to_wsgi_gate;
mod asgi_to_wsgi_lifespan;
mod inline;
mod parker;
mod refusal;
mod run_blocking;
mod wsgi_to_asgi;
mod wsgi_to_asgi_call;
mod wsgi_to_asgi_handover;
mod wsgi_to_asgi_worker;

pub use self::asgi_to_wsgi::AsgiToWsgi;
pub use self::inline::{Inline, WriteLimitError};
pub use self::run_blocking::{Busy, Job, RunBlocking};
pub use self::wsgi_to_asgi::WsgiToAsgi;
