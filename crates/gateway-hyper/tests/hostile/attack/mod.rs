//! Attacks: what each of many hostile clients does on its connection.

mod frames;
mod http1;
mod http2;
mod table;
mod tls;
mod websocket;

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gateway_hyper::Limit;
use tokio::net::{TcpSocket, TcpStream};

pub(crate) use self::table::ATTACKS;
pub(crate) use self::tls::Certificate;

/// What hostile clients do.
#[derive(Clone, Copy)]
pub(crate) struct Attack {
    pub(crate) name: &'static str,
    /// How many clients a load consists of.
    pub(crate) clients: usize,
    /// Who ends it.
    pub(crate) end: End,
    /// The limit that is hit, where it has a name.
    pub(crate) limit: Option<Limit>,
    /// One client, until it leaves; it holds its connection where it waits for the server to end that.
    pub(crate) client: fn(Target) -> Client,
}

pub(crate) type Client = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

/// Who ends the connections of an attack.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum End {
    /// The server does, while the client still holds its side.
    Server,
    /// The client does, after so many requests or frames.
    Client,
}

/// What is attacked, and how much.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) addr: SocketAddr,
    /// Where the same server speaks TLS.
    pub(crate) tls: Option<(SocketAddr, Arc<Certificate>)>,
    /// Requests or frames that a client sends before it leaves.
    pub(crate) amount: usize,
    engaged: Arc<AtomicUsize>,
}

impl fmt::Debug for Attack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Target {
    pub(crate) fn new(addr: SocketAddr, tls: Option<(SocketAddr, Arc<Certificate>)>, amount: usize) -> Self {
        Self { addr, tls, amount, engaged: Arc::default() }
    }

    /// How many clients have their attack under way.
    pub(crate) fn engaged(&self) -> usize {
        self.engaged.load(Ordering::Relaxed)
    }

    async fn connect(&self) -> io::Result<TcpStream> {
        TcpStream::connect(self.addr).await
    }

    /// Connects with the smallest room for what is not read, so that the server notices soon.
    async fn connect_deaf(&self, addr: SocketAddr) -> io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(1024)?;
        socket.connect(addr).await
    }

    /// A client has its attack under way.
    fn engage(&self) {
        self.engaged.fetch_add(1, Ordering::Relaxed);
    }
}
