//! The middleware.

use std::net::IpAddr;

use http::HeaderName;

use super::network::{InvalidNetwork, Network};
use super::{forwarded, x_forwarded};
use crate::asgi::call::CallFuture;
use crate::connection::ServerAddr;
use crate::error::Error;
use crate::request::RequestHead;
use crate::{asgi, wsgi};

/// Tells the inner application who the client is, and what it asked for, where trusted proxies are
/// between (H-21).
///
/// Behind a proxy every request comes from the proxy's address, and often without TLS; what the client
/// did is in header fields, which anyone can send. So they count where the peer of the connection is
/// [trusted](Self::trust), and nobody is at first. Then [`RequestHead::client`],
/// [`RequestHead::is_secure`], the `host` field and the mount point are what the client sees, and with
/// them the variables of CGI.
///
/// # Policy
///
/// - The list of hops is read from the right, where each proxy adds who it had the request from. Addresses
///   that are trusted themselves are proxies; the first one that is not is the client. What stands left
///   of it, it may have made up.
/// - A malformed hop ends the list: the client is the last one before it. A hop that is `unknown` or
///   hidden (`_gazonk`) ends it too, and the client is not known then. After
///   [`HOP_LIMIT`](Self::HOP_LIMIT) hops the list ends.
/// - One family of fields is read, [`XForwarded`](ForwardingFields::XForwarded) by default, and never
///   the other one beside it.
/// - `x-forwarded-proto`, `-host`, `-port` and `-prefix` are read at their right end: what the proxy
///   nearest to this server wrote. In `forwarded`, scheme and host are those of the hop nearest to the
///   client that can be trusted.
/// - By default only client and scheme are read. Proxies often pass the other fields on as a client
///   sent them, so [`with_host`](Self::with_host), [`with_port`](Self::with_port) and
///   [`with_prefix`](Self::with_prefix) are for those whose proxy is known to set them.
/// - Every value is checked; one that is malformed is as if it were not there. Schemes are `http`,
///   `https`, `ws` and `wss`.
/// - All of `forwarded`, `x-forwarded`, `x-forwarded-…`, `x-real-ip`, `x-client-ip`, `x-cluster-client-ip`,
///   `true-client-ip` and `cf-connecting-ip` are removed in any case, read or not, trusted or not, also where
///   they are spelled with `_`: the inner application is not to believe them. Other fields by which a proxy
///   may tell something, such as `x-original-url`, are not known here and stay.
///
/// An address without a port has port 0 in [`RequestHead::client`], and no `REMOTE_PORT` (W-42).
/// [`RequestHead::server`] stays: it is where the request arrived. It is about WebSockets as well;
/// lifespans pass untouched (A-144). A request without such fields costs no allocation, one whose client or
/// scheme is another than the connection's costs one.
///
/// Whatever guards paths or counts clients goes inside: it sees what is verified.
///
/// # Examples
///
/// ```
/// use gateway_iface::Connection;
/// use gateway_iface::http::Request;
/// use gateway_iface::middleware::ProxyHeaders;
/// use gateway_iface::testing::{AsgiClient, block_on};
/// use gateway_iface::{Error, asgi};
///
/// async fn app(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
///     let request = scope.into_http()?;
///     let client = request.head().client().map(|addr| addr.ip().to_string()).unwrap_or_default();
///     send.text(200, format!("{client} {}", request.head().is_secure())).await?;
///     Ok(())
/// }
///
/// let app = ProxyHeaders::new(app).trust("10.0.0.0/8")?;
/// let client = AsgiClient::new(app).with_connection(Connection::new().with_client("10.0.0.1:9".parse()?));
/// let request = Request::get("/").header("x-forwarded-proto", "https");
/// let request = request.header("x-forwarded-for", "1.1.1.1, 192.0.2.7, 10.0.0.2").body("")?;
/// assert_eq!(block_on(client.request(request))?.body(), "192.0.2.7 true");
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ProxyHeaders<A> {
    inner: A,
    networks: Vec<Network>,
    unix: bool,
    fields: ForwardingFields,
    pub(super) host: bool,
    pub(super) port: bool,
    pub(super) prefix: bool,
    pub(super) hop_limit: usize,
}

impl<A> ProxyHeaders<A> {
    /// How many hops are looked at, by default.
    pub const HOP_LIMIT: usize = 16;

    /// Trusts nobody: every such field is removed.
    #[must_use]
    pub const fn new(inner: A) -> Self {
        Self {
            inner,
            networks: Vec::new(),
            unix: false,
            fields: ForwardingFields::XForwarded,
            host: false,
            port: false,
            prefix: false,
            hop_limit: Self::HOP_LIMIT,
        }
    }

    /// With trust in the proxies of an address or a network: `127.0.0.1`, `10.0.0.0/8`, `fd00::/8`.
    ///
    /// # Errors
    ///
    /// [`InvalidNetwork`] when it is neither.
    pub fn trust(self, network: &str) -> Result<Self, InvalidNetwork> {
        Ok(self.trust_network(network.parse::<Network>()?))
    }

    /// With trust in the proxies of a network.
    #[must_use]
    pub fn trust_network(mut self, network: impl Into<Network>) -> Self {
        self.networks.push(network.into());
        self
    }

    /// Whether whoever connects by a unix socket is trusted: only those who may open it can.
    #[must_use]
    pub const fn with_unix(mut self, unix: bool) -> Self {
        self.unix = unix;
        self
    }

    /// With the family of fields that the proxies write.
    #[must_use]
    pub const fn with_fields(mut self, fields: ForwardingFields) -> Self {
        self.fields = fields;
        self
    }

    /// Whether the host that the client asked for is read: `x-forwarded-host`, or `host=`.
    #[must_use]
    pub const fn with_host(mut self, host: bool) -> Self {
        self.host = host;
        self
    }

    /// Whether the port that the client asked for is read: `x-forwarded-port`. It becomes part of the host.
    #[must_use]
    pub const fn with_port(mut self, port: bool) -> Self {
        self.port = port;
        self
    }

    /// Whether the part of the path that the proxy took off is read, `x-forwarded-prefix`, and put back:
    /// the application is mounted there (W-26, W-161).
    #[must_use]
    pub const fn with_prefix(mut self, prefix: bool) -> Self {
        self.prefix = prefix;
        self
    }

    /// With at most that many hops to be looked at.
    #[must_use]
    pub const fn with_hop_limit(mut self, hops: usize) -> Self {
        self.hop_limit = hops;
        self
    }

    /// The inner application.
    #[must_use]
    pub const fn get_ref(&self) -> &A {
        &self.inner
    }

    pub(super) fn trusts(&self, addr: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(addr))
    }

    fn trusts_peer(&self, head: &RequestHead) -> bool {
        match head.client() {
            Some(addr) => self.trusts(addr.ip()),
            None => self.unix && matches!(head.server(), Some(ServerAddr::Unix(_))),
        }
    }

    #[inline]
    fn adapt(&self, head: &mut RequestHead) {
        if head.headers().keys().any(is_forwarding) {
            self.read_and_remove(head);
        }
    }

    fn read_and_remove(&self, head: &mut RequestHead) {
        let verified = self.trusts_peer(head).then(|| match self.fields {
            ForwardingFields::XForwarded => x_forwarded::read(self, head.headers()),
            ForwardingFields::Forwarded => forwarded::read(self, head.headers()),
        });
        for name in USUAL {
            head.headers_mut().remove(name);
        }
        let others: Vec<_> = head.headers().keys().filter(|name| is_forwarding(name)).cloned().collect();
        for name in others {
            head.headers_mut().remove(name);
        }
        if let Some(verified) = verified {
            verified.apply(head);
        }
    }
}

impl<A: asgi::Application> asgi::Application for ProxyHeaders<A> {
    #[inline]
    fn call<'a, 'b>(
        &'a self,
        mut scope: asgi::Scope,
        receive: asgi::Receive,
        send: asgi::Send,
    ) -> CallFuture<'b>
    where
        'a: 'b,
        Self: 'b,
    {
        if let Some(head) = scope.head_mut() {
            self.adapt(head);
        }
        self.inner.call(scope, receive, send)
    }
}

impl<A: wsgi::Application> wsgi::Application for ProxyHeaders<A> {
    #[inline]
    fn call(
        &self,
        mut environ: wsgi::Environ,
        start_response: &mut dyn wsgi::StartResponse,
    ) -> Result<wsgi::Body, Error> {
        self.adapt(environ.head_mut());
        self.inner.call(environ, start_response)
    }
}

/// The fields by which proxies tell of the client.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum ForwardingFields {
    /// `x-forwarded-for` and those with it: what most proxies write.
    #[default]
    XForwarded,
    /// `forwarded`: RFC 7239. It has no port of its own and no prefix.
    Forwarded,
}

#[inline]
fn is_forwarding(name: &HeaderName) -> bool {
    let name = name.as_str();
    matches!(name.as_bytes(), [b'c' | b'f' | b't' | b'x', ..])
        && (OTHERS.iter().any(|other| is_same(name, other))
            || name.get(..PREFIX.len()).is_some_and(|start| is_same(start, PREFIX)))
}

/// Whether it is that name, with `_` for `-` as some servers and languages take it.
fn is_same(name: &str, other: &str) -> bool {
    let same = |(one, two): (u8, u8)| one == two || (one == b'_' && two == b'-');
    name.len() == other.len() && name.bytes().zip(other.bytes()).all(same)
}

const PREFIX: &str = "x-forwarded-";
const OTHERS: [&str; 7] = [
    "forwarded",
    "x-forwarded",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "true-client-ip",
    "cf-connecting-ip",
];

/// Those that are removed without a copy of their names.
const USUAL: [&str; 7] = [
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-real-ip",
    "forwarded",
];

#[cfg(test)]
#[path = "proxy_tests.rs"]
mod tests;
