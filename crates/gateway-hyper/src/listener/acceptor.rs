//! A listener at work, on one runtime.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use gateway_iface::ServerAddr;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use super::listener::Listener;
use crate::proxy_protocol::ProxyProtocol;
use crate::tls;

/// A listener as one runtime accepts from it; several may share its queue.
#[derive(Debug)]
pub(crate) struct Acceptor {
    socket: Socket,
    server: Option<ServerAddr>,
    tls: Option<Arc<tls::Acceptor>>,
    proxies: Option<Arc<ProxyProtocol>>,
}

#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// A connection that was accepted.
#[derive(Debug)]
pub(crate) enum Accepted {
    Tcp(TcpStream, SocketAddr),
    Unix(UnixStream),
}

impl Acceptor {
    /// For the runtime that this is called in, on one of the sockets.
    pub(crate) fn new(listener: &Listener, index: usize) -> io::Result<Self> {
        Ok(Self {
            socket: listener.share(index)?,
            server: listener.server_addr(),
            tls: listener.tls().cloned(),
            proxies: listener.proxies().cloned(),
        })
    }

    /// The address for scopes; `None` when a connection has to ask its own socket.
    pub(crate) const fn server_addr(&self) -> Option<&ServerAddr> {
        self.server.as_ref()
    }

    /// How its connections speak TLS, if they do.
    pub(crate) const fn tls(&self) -> Option<&Arc<tls::Acceptor>> {
        self.tls.as_ref()
    }

    /// Whose connections begin with a header of the PROXY protocol, if they do.
    pub(crate) const fn proxies(&self) -> Option<&Arc<ProxyProtocol>> {
        self.proxies.as_ref()
    }

    pub(crate) async fn accept(&self) -> io::Result<Accepted> {
        match &self.socket {
            Socket::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                // Refused by a peer that is gone already; reading tells the same.
                let _ = stream.set_nodelay(true);
                Ok(Accepted::Tcp(stream, peer))
            }
            Socket::Unix(listener) => Ok(Accepted::Unix(listener.accept().await?.0)),
        }
    }
}
