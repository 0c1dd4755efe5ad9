//! A server behind a proxy, and what the proxy says.

use gateway_hyper::{Builder, Listener, ProxyProtocol};
use gateway_iface::{Error, asgi};

use crate::support::{Server, builder};

pub(crate) const TEXT: &[u8] = b"PROXY TCP4 192.0.2.7 198.51.100.1 12345 443\r\n";
pub(crate) const BINARY: &[u8] =
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\xc6\x33\x64\x01\x30\x39\x01\xbb";
pub(crate) const LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
pub(crate) const ADDRS: &str = "Some(192.0.2.7:12345) Some(Ip(198.51.100.1:443))";

/// The proxies that connect from this machine.
pub(crate) fn here() -> ProxyProtocol {
    ProxyProtocol::new().trust_network(std::net::IpAddr::from([127, 0, 0, 1]))
}

pub(crate) async fn start(proxies: ProxyProtocol) -> Server {
    start_with(builder(), proxies).await
}

pub(crate) async fn start_with(builder: Builder, proxies: ProxyProtocol) -> Server {
    let listener = Listener::bind("127.0.0.1:0").await.unwrap().with_proxy_protocol(proxies);
    Server::of(builder.listen(listener).unwrap(), tell)
}

/// Tells whose request it is.
pub(crate) async fn tell(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    let scope = scope.into_http()?;
    Ok(send.text(200, format!("{:?} {:?}", scope.head().client(), scope.head().server())).await?)
}
