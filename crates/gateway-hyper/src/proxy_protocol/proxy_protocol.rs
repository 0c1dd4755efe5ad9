//! Whose headers are taken.

use std::net::IpAddr;

use gateway_iface::middleware::Network;

/// Whose connections begin with a header of the PROXY protocol, in which a proxy that passes on octets, such as HAProxy
/// or a load balancer of a cloud, says who its client is: versions 1 and 2, told apart by themselves.
///
/// A connection of anyone else is closed unread: who could come around the proxy could say anything, and a
/// request without a header is not to pass for one that came by it. With no one named, all are closed.
///
/// The addresses of the header are the client's and the server's in scopes (A-30, A-31), and what
/// [`ProxyHeaders`](gateway_iface::middleware::ProxyHeaders) compares with the proxies that it trusts. Those of the
/// connection stay where a header has none: `UNKNOWN`, `LOCAL` (a proxy's own health check), unix sockets, datagrams.
/// Whatever else a header tells, about the client's TLS for example, is ignored.
///
/// A connection is closed without an answer when its header is malformed or cut, longer than 4 KiB, or not there in
/// [time](crate::Builder::proxy_header_timeout); it is told at the level of debugging, and counts as
/// [malformed](crate::Stats::malformed) or as a [hit](crate::Limit::ProxyHeaderTime).
///
/// # Examples
///
/// ```
/// use gateway_hyper::{Listener, ProxyProtocol, Server};
/// use gateway_iface::middleware::Network;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let proxies = ProxyProtocol::new().trust_network("10.0.0.0/8".parse::<Network>()?);
/// let listener = Listener::bind("127.0.0.1:0").await?.with_proxy_protocol(proxies);
/// let server = Server::builder().listen(listener)?;
/// # drop(server);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "it does nothing until a listener has it"]
pub struct ProxyProtocol {
    networks: Vec<Network>,
    unix: bool,
}

impl ProxyProtocol {
    /// With no proxy yet.
    pub const fn new() -> Self {
        Self { networks: Vec::new(), unix: false }
    }

    /// Also from proxies of that network, or with that address.
    pub fn trust_network(mut self, network: impl Into<Network>) -> Self {
        self.networks.push(network.into());
        self
    }

    /// Whether all that connect by a unix socket are such proxies; they are not by default.
    pub const fn with_unix(mut self, unix: bool) -> Self {
        self.unix = unix;
        self
    }

    /// Whether a peer may send a header; one without an address is on a unix socket.
    pub(crate) fn trusts(&self, peer: Option<IpAddr>) -> bool {
        peer.map_or(self.unix, |peer| self.networks.iter().any(|network| network.contains(peer)))
    }
}
