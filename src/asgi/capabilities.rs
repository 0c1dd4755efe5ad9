//! What a server supports beyond the core protocol.

use std::fmt;

/// One feature that a server may or may not support (A-121 to A-138).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Capability {
    /// `http.response.trailers`: [`ResponseTrailers`](super::event::ResponseTrailers) (A-133).
    Trailers,
    /// `http.response.early_hint`: [`EarlyHint`](super::event::EarlyHint) (A-131).
    EarlyHints,
    /// `http.response.push`: [`Push`](super::event::Push) (A-126).
    Push,
    /// `http.response.pathsend`: [`PathSend`](super::event::PathSend) (A-129).
    PathSend,
    /// `http.response.zerocopysend`: [`ZeroCopySend`](super::event::ZeroCopySend) (A-127).
    ZeroCopySend,
    /// `http.response.debug`: [`Debug`](super::event::Debug) (A-137).
    Debug,
    /// `websocket.http.response`: a WebSocket handshake refused with a response (A-125).
    WebSocketDenial,
    /// Events of a vendor's own: [`Vendor`](super::event::Vendor) (A-124).
    Vendor,
}

impl Capability {
    const ALL: [Self; 8] = [
        Self::Trailers,
        Self::EarlyHints,
        Self::Push,
        Self::PathSend,
        Self::ZeroCopySend,
        Self::Debug,
        Self::WebSocketDenial,
        Self::Vendor,
    ];

    /// The name of the extension in the ASGI texts; vendors' events have names of their own.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trailers => "http.response.trailers",
            Self::EarlyHints => "http.response.early_hint",
            Self::Push => "http.response.push",
            Self::PathSend => "http.response.pathsend",
            Self::ZeroCopySend => "http.response.zerocopysend",
            Self::Debug => "http.response.debug",
            Self::WebSocketDenial => "websocket.http.response",
            Self::Vendor => "vendor",
        }
    }

    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// The set of capabilities in a scope (A-33, A-121).
///
/// An event of a capability that is not in the set is an invalid event (A-122); an application
/// looks before it uses one (A-123).
///
/// ```
/// use gateway_iface::asgi::{Capabilities, Capability};
///
/// let set = Capabilities::none().with(Capability::Trailers);
/// assert!(set.contains(Capability::Trailers));
/// assert!(!set.contains(Capability::Push));
/// ```
#[derive(Clone, Copy, Default, Eq, Hash, PartialEq)]
pub struct Capabilities {
    bits: u16,
}

impl Capabilities {
    /// The core protocol only.
    #[must_use]
    pub const fn none() -> Self {
        Self { bits: 0 }
    }

    /// With this one.
    #[must_use]
    pub const fn with(self, capability: Capability) -> Self {
        Self { bits: self.bits | capability.bit() }
    }

    /// Without this one.
    #[must_use]
    pub const fn without(self, capability: Capability) -> Self {
        Self { bits: self.bits & !capability.bit() }
    }

    /// Whether it is supported.
    #[must_use]
    pub const fn contains(self, capability: Capability) -> bool {
        self.bits & capability.bit() != 0
    }

    /// All that are supported.
    pub fn iter(self) -> impl Iterator<Item = Capability> {
        Capability::ALL.into_iter().filter(move |&capability| self.contains(capability))
    }
}

impl fmt::Debug for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// What is known of a TLS connection: [`RequestHead::tls`](crate::RequestHead::tls), on TLS only
/// (A-46 to A-52, A-138).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Tls {
    /// The server's certificate, PEM; `None` if unknown (A-47).
    pub server_cert: Option<String>,
    /// The client's certificates, PEM, its own first, each next one signing the one before (A-48).
    pub client_cert_chain: Vec<String>,
    /// The subject of the client's certificate as in RFC 4514 (A-49).
    pub client_cert_name: Option<String>,
    /// Why the client's certificate failed verification, where it was let in all the same (A-50).
    pub client_cert_error: Option<String>,
    /// The protocol number: 0x0303 for TLS 1.2, 0x0304 for TLS 1.3 (A-51).
    pub tls_version: Option<u16>,
    /// The IANA number of the cipher suite, high octet first (A-52).
    pub cipher_suite: Option<u16>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_121_capabilities_are_a_set_of_distinct_members() {
        let mut set = Capabilities::none();
        for (count, capability) in Capability::ALL.into_iter().enumerate() {
            assert!(!set.contains(capability));
            set = set.with(capability);
            assert_eq!(set.iter().count(), count + 1);
        }
        assert!(!set.without(Capability::Push).contains(Capability::Push));
    }
}
