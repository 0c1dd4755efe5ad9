//! TLS on the connections of one listener.

use std::io;
use std::sync::Arc;

use gateway_iface::asgi::Tls;
use parking_lot::RwLock;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use super::certificates::Certificates;
use super::config::TlsConfig;
use super::scope::tls;
use crate::socket::Socket;

/// TLS on the connections of one listener, with certificates that can be read anew.
#[derive(Debug)]
pub(crate) struct Acceptor {
    config: TlsConfig,
    loaded: RwLock<Loaded>,
}

#[derive(Clone, Debug)]
struct Loaded {
    /// Offers HTTP/2 and HTTP/1.
    config: Arc<ServerConfig>,
    /// Offers HTTP/1 alone.
    only_http1: Arc<ServerConfig>,
    certificates: Arc<Certificates>,
}

impl Acceptor {
    pub(crate) fn new(config: TlsConfig) -> io::Result<Self> {
        let loaded = RwLock::new(Loaded::new(&config)?);
        Ok(Self { config, loaded })
    }

    /// Reads the files anew; connections that begin afterwards use them.
    pub(crate) fn reload(&self) -> io::Result<()> {
        let loaded = Loaded::new(&self.config)?;
        *self.loaded.write() = loaded;
        Ok(())
    }

    /// Shakes hands, and may choose HTTP/2 or not.
    pub(crate) async fn accept(&self, socket: Socket, http2: bool) -> io::Result<(Socket, Tls)> {
        let Loaded { config, only_http1, certificates } = self.loaded.read().clone();
        let stream = TlsAcceptor::from(if http2 { config } else { only_http1 }).accept(socket).await?;
        let tls = tls(stream.get_ref().1, &certificates);
        Ok((Socket::Tls(Box::new(stream)), tls))
    }
}

impl Loaded {
    fn new(config: &TlsConfig) -> io::Result<Self> {
        let (config, certificates) = config.load()?;
        let mut only_http1 = config.clone();
        only_http1.alpn_protocols.retain(|name| name != b"h2");
        Ok(Self { config: Arc::new(config), only_http1: Arc::new(only_http1), certificates })
    }
}
