//! An application as a service of actix-web.

mod body;
mod calling;
mod host;
mod lifespan;
mod payload;
mod pool;
mod request;
#[expect(clippy::module_inception, reason = "the type of that name, in a file of its own")]
mod to_actix;
mod websocket;

pub use self::calling::Calling;
pub use self::lifespan::with_lifespan;
pub use self::pool::BlockingPool;
pub use self::to_actix::ToActix;
