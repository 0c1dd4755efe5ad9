//! A server that inputs are sent to, over a unix socket.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gateway_hyper::{Listener, ProxyProtocol, Server};
use gateway_iface::Error;
use gateway_iface::asgi::event::Accept;
use gateway_iface::asgi::{self, Handshake, Scope};
use tokio::runtime;

/// A server that serves as long as the process lives.
pub(crate) struct Served {
    path: PathBuf,
}

impl Served {
    /// Begins to serve, on a socket of that name; `proxied` tells whether connections begin with a header of
    /// the PROXY protocol.
    pub(crate) fn start(name: &str, proxied: bool) -> Self {
        let path = std::env::temp_dir().join(format!("gateway-fuzz-{}-{name}", std::process::id()));
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            PANICS.fetch_add(1, Ordering::SeqCst);
            hook(info);
        }));
        let runtime =
            runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be built");
        let server = runtime.block_on(async {
            let mut listener = Listener::bind_unix(&path).expect("the socket can be bound");
            if proxied {
                listener = listener.with_proxy_protocol(ProxyProtocol::new().with_unix(true));
            }
            // What ends its side early is served all the same, and what does not go on is not waited for.
            let soon = Some(Duration::from_millis(500));
            let settings = Server::builder().signals(false).half_close(true);
            let settings = settings.header_read_timeout(soon).idle_timeout(soon).body_read_timeout(soon);
            settings.listen(listener).expect("the server can listen")
        });
        std::thread::spawn(move || runtime.block_on(server.serve(app)));
        Self { path }
    }

    /// What the server answers to these octets, after which nothing comes; it never panics.
    pub(crate) fn answer(&self, octets: &[u8]) -> Vec<u8> {
        let before = PANICS.load(Ordering::SeqCst);
        let mut stream = UnixStream::connect(&self.path).expect("the server listens");
        let mut answer = Vec::new();
        // It may have had enough before it has all.
        if stream.write_all(octets).is_ok() {
            let _ = stream.shutdown(std::net::Shutdown::Write);
        }
        let _ = stream.read_to_end(&mut answer);
        assert_eq!(PANICS.load(Ordering::SeqCst), before, "the server panicked");
        answer
    }
}

/// Says who it takes its client for, and echoes WebSockets.
async fn app(scope: Scope, mut receive: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    match scope {
        Scope::Http(scope) => {
            let _ = receive.body(64 * 1024).await?;
            Ok(send.text(200, format!("{:?}", scope.head().client())).await?)
        }
        Scope::WebSocket(_) => {
            let mut socket = Handshake::begin(receive, send).await?.accept(Accept::new()).await?;
            while let Ok(message) = socket.next().await {
                socket.send(message).await?;
            }
            Ok(())
        }
        scope => Err(scope.unsupported().into()),
    }
}

static PANICS: AtomicUsize = AtomicUsize::new(0);
