//! Clients in memory: they call an application with no socket, no runtime and no task.
//!
//! [`AsgiClient`] and [`WsgiClient`] make whole requests. For control over every step,
//! [`HttpExchange`], [`WebSocketExchange`] and [`LifespanExchange`](crate::asgi::LifespanExchange) drive an asynchronous
//! application event by event: a body that comes late, a reader that stalls, a client that
//! leaves, a future that is dropped.

mod asgi_client;
mod block_on;
mod http_exchange;
mod http_wire;
mod response;
mod websocket;
mod websocket_wire;
mod wsgi_client;

pub use self::asgi_client::{AsgiClient, Incomplete};
pub use self::block_on::block_on;
pub use self::http_exchange::HttpExchange;
pub use self::response::TestResponse;
pub use self::websocket::WebSocketExchange;
pub use self::wsgi_client::{WsgiClient, WsgiExchange};
