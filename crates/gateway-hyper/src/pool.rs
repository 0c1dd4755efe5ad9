//! Threads for applications that block.

use std::fmt;
use std::io;
use std::num::NonZeroUsize;
use std::thread;

use crossbeam_channel::{Sender, bounded};
use gateway_iface::bridge::{Busy, Job, RunBlocking, WsgiToAsgi};
use gateway_iface::wsgi;

/// A bounded pool of threads with a bounded queue.
///
/// As many requests as there are threads run at the same time, and as many as the queue holds wait for
/// a thread; what comes beyond is answered with 503 and `retry-after` at once. The threads end when the
/// pool is dropped and the queue is empty.
///
/// # Examples
///
/// ```
/// use gateway_hyper::Pool;
/// use gateway_iface::bridge::WsgiToAsgi;
/// # use gateway_iface::http::{HeaderMap, Request, StatusCode};
/// # use gateway_iface::testing::{AsgiClient, block_on};
/// # use gateway_iface::wsgi::{Body, Environ, StartResponse};
/// # use gateway_iface::Error;
/// # fn app(_: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
/// #     start_response.start(StatusCode::OK, HeaderMap::new())?;
/// #     Ok(Body::from("blocking"))
/// # }
///
/// let app = WsgiToAsgi::new(app, Pool::new(8, 64)?);
/// # assert_eq!(block_on(AsgiClient::new(app).request(Request::get("/").body("")?))?.body(), "blocking");
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone)]
pub struct Pool {
    jobs: Sender<Job>,
    threads: usize,
}

impl Pool {
    /// How many requests wait for a thread of the default pool, at the most.
    pub const DEFAULT_QUEUE: usize = 128;

    /// A pool of `threads` threads, one at least, where up to `queue` requests wait.
    ///
    /// # Errors
    ///
    /// The system's, when a thread cannot be started.
    pub fn new(threads: usize, queue: usize) -> io::Result<Self> {
        let threads = threads.max(1);
        let (jobs, waiting) = bounded::<Job>(queue);
        for number in 0..threads {
            let waiting = waiting.clone();
            thread::Builder::new().name(format!("wsgi-{number}")).spawn(move || {
                for job in waiting {
                    job.run();
                }
            })?;
        }
        Ok(Self { jobs, threads })
    }

    /// The default pool: four threads more than there are processors, up to 32, and a queue of
    /// [`DEFAULT_QUEUE`](Self::DEFAULT_QUEUE).
    ///
    /// # Errors
    ///
    /// The system's, when a thread cannot be started.
    pub fn with_defaults() -> io::Result<Self> {
        let processors = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self::new((processors + 4).min(32), Self::DEFAULT_QUEUE)
    }

    /// How many threads it has.
    #[must_use]
    pub const fn threads(&self) -> usize {
        self.threads
    }
}

impl RunBlocking for Pool {
    fn run(&self, job: Job) -> Result<(), Busy> {
        self.jobs.try_send(job).map_err(|_| Busy)
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("threads", &self.threads).field("waiting", &self.jobs.len()).finish()
    }
}

/// Makes a synchronous application servable: it runs on a [`Pool`] with default settings.
///
/// # Errors
///
/// The system's, when a thread cannot be started.
///
/// # Examples
///
/// ```no_run
/// use gateway_iface::http::{HeaderMap, StatusCode};
/// use gateway_iface::{Error, wsgi};
///
/// fn hello(_: wsgi::Environ, start_response: &mut dyn wsgi::StartResponse) -> Result<wsgi::Body, Error> {
///     start_response.start(StatusCode::OK, HeaderMap::new())?;
///     Ok(wsgi::Body::from("Hello, World!"))
/// }
///
/// # async fn run() -> Result<(), gateway_hyper::ServeError> {
/// gateway_hyper::serve("127.0.0.1:8000", gateway_hyper::wsgi(hello)?).await
/// # }
/// ```
pub fn wsgi<A: wsgi::Application + 'static>(app: A) -> io::Result<WsgiToAsgi<A, Pool>> {
    Ok(WsgiToAsgi::new(app, Pool::with_defaults()?))
}
