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
    config: Arc<ServerConfig>,
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

    /// Shakes hands.
    pub(crate) async fn accept(&self, socket: Socket) -> io::Result<(Socket, Tls)> {
        let Loaded { config, certificates } = self.loaded.read().clone();
        let stream = TlsAcceptor::from(config).accept(socket).await?;
        let tls = tls(stream.get_ref().1, &certificates);
        Ok((Socket::Tls(Box::new(stream)), tls))
    }
}

impl Loaded {
    fn new(config: &TlsConfig) -> io::Result<Self> {
        let (config, certificates) = config.load()?;
        Ok(Self { config: Arc::new(config), certificates })
    }
}
