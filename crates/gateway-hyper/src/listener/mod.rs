//! What a server accepts connections from.

mod acceptor;
mod address;
mod inherited;
#[expect(clippy::module_inception, reason = "the main type of the folder")]
mod listener;
mod local_addr;
mod options;
mod place;

pub(crate) use self::acceptor::{Accepted, Acceptor};
pub use self::address::{InvalidListenAddr, ListenAddr};
pub(crate) use self::inherited::HANDED_OVER;
pub use self::inherited::Inherited;
pub use self::listener::Listener;
pub use self::local_addr::LocalAddr;
pub use self::options::ListenOptions;
