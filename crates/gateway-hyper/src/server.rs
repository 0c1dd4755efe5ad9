//! The server: accepts, serves, and stops.

use std::fmt;
use std::io;
use std::sync::Arc;

use gateway_iface::asgi::Application;
use tokio::sync::{Notify, watch};
use tracing::info;

use crate::accept::accept;
use crate::builder::Builder;
use crate::lifespan;
use crate::listener::{Listener, LocalAddr};
use crate::serving::Serving;
use crate::signal::Stop;
use crate::tls::reload;

/// A server that listens and does not serve yet.
///
/// # Examples
///
/// ```
/// use gateway_hyper::Server;
/// use gateway_iface::{Error, asgi};
///
/// async fn hello(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
///     scope.into_http()?;
///     send.text(200, "Hello, World!").await?;
///     Ok(())
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let server = Server::builder().bind("127.0.0.1:0").await?;
/// println!("listening on {}", server.local_addr());
/// let handle = server.handle();
/// # handle.shutdown();
/// server.serve(hello).await?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "a server serves when `serve` is awaited"]
pub struct Server {
    builder: Builder,
    listener: Listener,
    local_addr: LocalAddr,
    stop: Arc<watch::Sender<bool>>,
    reload: Arc<Notify>,
}

impl Server {
    pub(crate) fn new(builder: Builder, listener: Listener) -> io::Result<Self> {
        let local_addr = listener.local_addr()?;
        Ok(Self {
            builder,
            listener,
            local_addr,
            stop: Arc::new(watch::channel(false).0),
            reload: Arc::default(),
        })
    }

    /// Begins a server with the default settings.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Where it listens: with port 0, the port that was free.
    #[must_use]
    pub const fn local_addr(&self) -> &LocalAddr {
        &self.local_addr
    }

    /// A handle to the server, for anywhere.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle { stop: Arc::clone(&self.stop), reload: Arc::clone(&self.reload) }
    }

    /// Serves the application until the server is told to stop, and everything is done.
    ///
    /// In this order: start-up of the application's lifespan (A-108); connections; on Ctrl-C, SIGTERM
    /// or [`Handle::shutdown`] no more of them; calls that only wait are told
    /// [`Disconnect::Shutdown`](gateway_iface::asgi::Disconnect::Shutdown), and requests finish within
    /// the grace period; shutdown of the lifespan (A-112, A-113), which has as long again. A signal
    /// during start-up ends the start-up, and each further one ends what the server still waits for.
    ///
    /// # Errors
    ///
    /// [`ServeError`] when start-up or shutdown of the application fails.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops accepting; connections go on in tasks of their own, and lifespan
    /// shutdown is not run.
    pub async fn serve(self, app: impl Application + 'static) -> Result<(), ServeError> {
        let Self { builder, listener, local_addr, stop, reload: reloading } = self;
        let mut stop = Stop::new(&stop, builder.signals);
        let app: Arc<dyn Application> = Arc::new(app);
        let lifespan = tokio::select! {
            // A start-up that is done counts, so that its shutdown is run.
            biased;
            started = lifespan::start(&app, builder.lifespan) => started?,
            () = stop.requested() => {
                info!("stopped during start-up");
                return Ok(());
            }
        };
        let grace_period = builder.grace_period;
        let acceptors = listener.tls().cloned().into_iter().collect();
        let reload = reload(acceptors, &reloading, builder.signals);
        let serving = Arc::new(Serving::new(app, builder, lifespan.state()));
        info!(address = %local_addr, "listening");
        tokio::select! {
            () = accept(&listener, &serving) => {}
            () = reload => {}
            () = serving.watch() => {}
            () = stop.requested() => {}
        }
        info!("stopping");
        drop(listener);
        tokio::select! {
            () = serving.drain(grace_period, &mut stop) => {}
            () = serving.watch() => {}
        }
        tokio::select! {
            stopped = lifespan.stop(grace_period) => stopped?,
            () = stop.insisted() => {
                return Err(ServeError::Shutdown("a further signal came before it was done".into()));
            }
        }
        info!("stopped");
        Ok(())
    }
}

/// Stops a server, and has it read its certificates anew.
#[derive(Clone, Debug)]
pub struct Handle {
    stop: Arc<watch::Sender<bool>>,
    reload: Arc<Notify>,
}

impl Handle {
    /// Stops it gracefully, as SIGTERM does.
    pub fn shutdown(&self) {
        self.stop.send_replace(true);
    }

    /// Has the files of [`TlsConfig`](crate::TlsConfig) read anew, as SIGHUP does.
    pub fn reload(&self) {
        self.reload.notify_one();
    }
}

/// Why a server did not serve, or did not stop as it should.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The socket could not be used.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The application's start-up failed (A-110); nothing was served.
    #[error("start-up failed: {0}")]
    Startup(String),
    /// The application's shutdown failed (A-114).
    #[error("shutdown failed: {0}")]
    Shutdown(String),
}

/// As it reads, because this is what `main` prints when it returns an error.
impl fmt::Debug for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
