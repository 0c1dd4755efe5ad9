//! The server: accepts, serves, and stops.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use gateway_iface::asgi::Application;
use sd_notify::NotifyState;
use tokio::runtime;
use tracing::info;

use crate::accept::{Accepting, Acceptors};
use crate::beside::Beside;
use crate::builder::Builder;
use crate::error::ServeError;
use crate::handle::Handle;
use crate::lifespan;
use crate::listener::{Listener, LocalAddr};
use crate::notify::notify;
use crate::restart::{Replacing, Restart};
use crate::serving::Serving;
use crate::signal::Stop;
use crate::stats::Status;
use crate::threads::{self, Runtime, Threads};
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
#[must_use = "a server serves when `serve` is awaited, or in `run`"]
pub struct Server {
    builder: Builder,
    listeners: Vec<Listener>,
    local_addrs: Vec<LocalAddr>,
    beside: Vec<Beside>,
    restart: Option<Restart>,
    status: Arc<Status>,
}

impl Server {
    pub(crate) fn new(builder: Builder, listeners: Vec<Listener>) -> io::Result<Self> {
        let local_addrs = listeners.iter().map(Listener::local_addr).collect::<io::Result<_>>()?;
        let status = Arc::new(Status::new());
        Ok(Self { builder, listeners, local_addrs, beside: Vec::new(), restart: None, status })
    }

    /// Begins a server with the default settings.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Where it listens: with port 0, the port that was free; the first of several places.
    ///
    /// # Panics
    ///
    /// When it listens nowhere, which takes an empty list at [`Builder::listen_all`].
    #[must_use]
    pub fn local_addr(&self) -> &LocalAddr {
        &self.local_addrs[0]
    }

    /// Where it listens, in the order of its listeners.
    #[must_use]
    pub fn local_addrs(&self) -> &[LocalAddr] {
        &self.local_addrs
    }

    /// A handle that stops the server, from anywhere, and has its figures.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle::new(Arc::clone(&self.status))
    }

    /// Serves another application beside, on a listener of its own, until everything else is done:
    /// for [`Probes`](crate::Probes), which are to answer while the server stops.
    ///
    /// It has the settings of the server, and no lifespan; it is not among the figures.
    pub fn beside(mut self, listener: Listener, app: impl Application + 'static) -> Self {
        self.beside.push(Beside::new(listener, Arc::new(app)));
        self
    }

    /// Has a new process take over from this one on SIGUSR2, and this one from the process that it was started to
    /// replace.
    pub fn with_restart(mut self, restart: Restart) -> Self {
        self.restart = Some(restart);
        self
    }

    /// Serves the application until the server is told to stop, and everything is done, on the runtime that
    /// this is awaited on.
    ///
    /// In this order: start-up of the application's lifespan (A-108); connections; on Ctrl-C, SIGTERM
    /// or [`Handle::shutdown`], after [`Builder::drain_delay`], no more of them; calls that only wait are told
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
        self.serve_on(&[runtime::Handle::current()], Arc::new(app)).await
    }

    /// Serves the application as [`serve`](Self::serve) does, on threads of its own, and blocks this one until
    /// everything is done.
    ///
    /// [`Builder::threads`] and [`Builder::runtime`] say how many and how. There is one lifespan for all
    /// threads (A-45, A-108): it runs on the calling one, and each request has its state (A-119).
    ///
    /// # Errors
    ///
    /// As for [`serve`](Self::serve); the system's, when a thread cannot be started.
    ///
    /// # Panics
    ///
    /// When it is called within a runtime.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use gateway_hyper::{ListenOptions, Server};
    /// # use gateway_iface::{Error, asgi};
    /// # async fn hello(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    /// #     scope.into_http()?;
    /// #     send.text(200, "Hello, World!").await?;
    /// #     Ok(())
    /// # }
    ///
    /// fn main() -> Result<(), gateway_hyper::ServeError> {
    ///     let listener = ListenOptions::new().bind_addr(([127, 0, 0, 1], 8000).into())?;
    ///     Server::builder().listen(listener)?.run(hello)
    /// }
    /// ```
    pub fn run(self, app: impl Application + 'static) -> Result<(), ServeError> {
        let count = self.builder.threads.unwrap_or_else(threads::processors).get();
        let app = Arc::new(app);
        if self.builder.runtime == Runtime::WorkStealing && count > 1 {
            let runtime = runtime::Builder::new_multi_thread()
                .worker_threads(count)
                .thread_name("gateway")
                .enable_all()
                .build()?;
            let served = runtime.block_on(self.serve_on(&[runtime.handle().clone()], app));
            runtime.shutdown_background();
            return served;
        }
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let threads = Threads::start(count - 1)?;
        let runtimes = [&[runtime.handle().clone()], threads.handles()].concat();
        let served = runtime.block_on(self.serve_on(&runtimes, app));
        runtime.shutdown_background();
        threads.end();
        served
    }

    async fn serve_on(
        self,
        runtimes: &[runtime::Handle],
        app: Arc<dyn Application>,
    ) -> Result<(), ServeError> {
        let Self { builder, listeners, local_addrs: _, beside, restart, status } = self;
        let mut stop = Stop::new(status.stopped(), builder.signals);
        let mut replacing = Replacing::new(restart)?;
        let certificates = listeners.iter().chain(beside.iter().map(Beside::listener));
        let certificates = certificates.filter_map(Listener::tls).cloned().collect();
        let addresses = listeners.iter().map(Listener::url).collect::<io::Result<Vec<_>>>()?;
        let acceptors = Acceptors::of(listeners, runtimes)?;
        let beside = beside.into_iter().map(Beside::ready).collect::<io::Result<Vec<_>>>()?;
        let lifespan = tokio::select! {
            // A start-up that is done counts, so that its shutdown is run.
            biased;
            started = lifespan::start(&app, builder.lifespan) => started?,
            () = stop.requested() => {
                info!("stopped during start-up");
                return Ok(());
            }
        };
        let mut beside = beside.into_iter().map(|beside| beside.serve(&builder)).collect::<Vec<_>>();
        let reload = reload(certificates, status.reloading(), builder.signals);
        let serving = Arc::new(Serving::new(app, builder.clone(), lifespan.state()));
        for address in addresses {
            info!(%address, "listening");
        }
        for serving in beside.iter().map(|(_, serving)| serving).chain([&serving]) {
            serving.watch()?;
        }
        let mut accepting = acceptors.accept(&serving, || status.counters());
        replacing.serves();
        let tell = |states: &[NotifyState<'_>]| builder.notify.then(|| notify(states));
        tell(&[NotifyState::Ready]);
        let sockets = || {
            let listeners = beside.iter().map(|(accepting, _)| accepting).chain([&accepting]);
            let mut sockets = Vec::new();
            for listener in listeners.flat_map(Accepting::listeners) {
                sockets.extend(listener.hand_over()?);
            }
            Ok(sockets)
        };
        let new = tokio::select! {
            () = reload => None,
            () = stop.requested() => None,
            pid = replacing.replaced(sockets) => Some(pid),
        };
        if let Some(pid) = new {
            info!(pid, "a new process serves, this one finishes");
            status.drain();
            tell(&[NotifyState::MainPid(pid)]);
            accepting.hand_over().await;
            for (accepting, _) in &mut beside {
                accepting.hand_over().await;
            }
        } else {
            info!("stopping");
            tell(&[NotifyState::Stopping]);
            status.drain();
            // Without a delay a further signal ends what comes next, however soon it is there.
            if !builder.drain_delay.is_zero() {
                tokio::select! {
                    () = tokio::time::sleep(builder.drain_delay) => {}
                    () = stop.insisted() => {}
                }
            }
            accepting.end().await;
        }
        serving.drain(builder.grace_period, &mut stop).await;
        let stopped = tokio::select! {
            stopped = lifespan.stop(builder.grace_period) => stopped,
            () = stop.insisted() => {
                Err(ServeError::Shutdown("a further signal came before it was done".into()))
            }
        };
        for (mut accepting, serving) in beside {
            accepting.end().await;
            serving.drain(builder.grace_period.min(BESIDE), &mut stop).await;
        }
        if stopped.is_ok() {
            info!("stopped");
        }
        stopped
    }
}

/// How long what is served beside may take to end, at the most.
const BESIDE: Duration = Duration::from_secs(1);
