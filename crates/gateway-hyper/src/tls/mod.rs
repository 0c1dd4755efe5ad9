//! TLS, by rustls.

mod acceptor;
mod certificates;
mod config;
mod reload;
mod scope;

pub(crate) use self::acceptor::Acceptor;
pub use self::config::{ClientCerts, TlsConfig};
pub(crate) use self::reload::reload;
