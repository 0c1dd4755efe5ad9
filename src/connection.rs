//! The connection that requests come on.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use crate::asgi::{Capabilities, State, Tls};

/// What all requests of one connection have in common.
#[derive(Clone, Debug, Default)]
pub struct Connection {
    client: Option<SocketAddr>,
    server: Option<ServerAddr>,
    secure: bool,
    tls: Option<Arc<Tls>>,
    capabilities: Capabilities,
    state: Option<State>,
}

impl Connection {
    /// A connection of which nothing is known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With the client's address.
    #[must_use]
    pub const fn with_client(mut self, client: SocketAddr) -> Self {
        self.client = Some(client);
        self
    }

    /// With the address that it arrived at.
    #[must_use]
    pub fn with_server(mut self, server: impl Into<ServerAddr>) -> Self {
        self.server = Some(server.into());
        self
    }

    /// Whether the client is connected by TLS, to this server or to a proxy that it trusts.
    #[must_use]
    pub const fn with_secure(mut self, secure: bool) -> Self {
        self.secure = secure;
        self
    }

    /// With what is known of its TLS.
    #[must_use]
    pub fn with_tls(mut self, tls: impl Into<Arc<Tls>>) -> Self {
        self.tls = Some(tls.into());
        self
    }

    /// With what the server supports.
    #[must_use]
    pub const fn with_capabilities(mut self, capabilities: Capabilities) -> Self {
        self.capabilities = capabilities;
        self
    }

    /// With what the application stored at start-up.
    #[must_use]
    pub fn with_state(mut self, state: State) -> Self {
        self.state = Some(state);
        self
    }

    /// The client's address, if known.
    #[must_use]
    pub const fn client(&self) -> Option<SocketAddr> {
        self.client
    }

    /// The address that it arrived at, if known.
    #[must_use]
    pub const fn server(&self) -> Option<&ServerAddr> {
        self.server.as_ref()
    }

    /// Whether the client is connected by TLS.
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        self.secure
    }

    /// What is known of its TLS; `None` on a plain connection, and where the server does not tell.
    #[must_use]
    pub fn tls(&self) -> Option<&Tls> {
        self.tls.as_deref()
    }

    /// What the server supports.
    #[must_use]
    pub const fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    /// What the application stored at start-up.
    #[must_use]
    pub const fn state(&self) -> Option<&State> {
        self.state.as_ref()
    }

    /// Replaces the client's address.
    pub const fn set_client(&mut self, client: Option<SocketAddr>) {
        self.client = client;
    }

    /// Replaces the address that it arrived at.
    pub fn set_server(&mut self, server: Option<ServerAddr>) {
        self.server = server;
    }

    /// Replaces whether it is secure; what is not secure has no TLS to tell of.
    pub fn set_secure(&mut self, secure: bool) {
        self.secure = secure;
        if !secure {
            self.tls = None;
        }
    }

    /// Replaces what is supported: a layer that cannot pass something on takes it away.
    pub const fn set_capabilities(&mut self, capabilities: Capabilities) {
        self.capabilities = capabilities;
    }

    /// This request's own copy of the state, to change; it is created when there is none.
    pub fn state_mut(&mut self) -> &mut State {
        self.state.get_or_insert_default()
    }
}

/// The address that a request arrived at.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ServerAddr {
    /// An IP address and port.
    Ip(SocketAddr),
    /// A host name, or an address in its URI form, and a port.
    Name(Arc<str>, u16),
    /// The path of a unix socket.
    Unix(Arc<Path>),
}

impl From<SocketAddr> for ServerAddr {
    fn from(addr: SocketAddr) -> Self {
        Self::Ip(addr)
    }
}

impl From<&Path> for ServerAddr {
    fn from(path: &Path) -> Self {
        Self::Unix(path.into())
    }
}
