//! The PROXY protocol: a proxy that passes octets on says first whose they are.

mod accept;
mod header;
#[cfg(test)]
mod header_tests;
#[expect(clippy::module_inception, reason = "the main type of the folder")]
mod proxy_protocol;

pub(crate) use self::accept::accept;
pub use self::proxy_protocol::ProxyProtocol;
