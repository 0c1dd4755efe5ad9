//! Threads for applications that block.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;

use gateway_iface::bridge::{Busy, Job, RunBlocking, WsgiToAsgi};
use gateway_iface::wsgi;
use parking_lot::{Condvar, Mutex, MutexGuard};

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
pub struct Pool {
    shared: Arc<Shared>,
    threads: usize,
}

struct Shared {
    queue: Mutex<Queue>,
    waiting: Condvar,
}

struct Queue {
    jobs: VecDeque<Job>,
    /// Threads that run no job.
    idle: usize,
    /// How many jobs may wait beyond those that an idle thread is about to take.
    room: usize,
    closed: bool,
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
        let queue = Queue { jobs: VecDeque::new(), idle: threads, room: queue, closed: false };
        let shared = Arc::new(Shared { queue: Mutex::new(queue), waiting: Condvar::new() });
        let pool = Self { shared, threads };
        for number in 0..threads {
            let shared = Arc::clone(&pool.shared);
            thread::Builder::new().name(format!("wsgi-{number}")).spawn(move || shared.work())?;
        }
        Ok(pool)
    }

    /// The default pool: four threads more than there are processors, up to 32, and a queue of
    /// [`DEFAULT_QUEUE`](Self::DEFAULT_QUEUE).
    ///
    /// # Errors
    ///
    /// The system's, when a thread cannot be started.
    pub fn with_defaults() -> io::Result<Self> {
        Self::new(Self::default_threads(), Self::DEFAULT_QUEUE)
    }

    /// How many threads the default pool has: four more than there are processors, up to 32.
    #[must_use]
    pub fn default_threads() -> usize {
        let processors = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        (processors + 4).min(32)
    }

    /// How many threads it has.
    #[must_use]
    pub const fn threads(&self) -> usize {
        self.threads
    }
}

impl RunBlocking for Pool {
    fn run(&self, job: Job) -> Result<(), Busy> {
        let mut queue = self.shared.queue.lock();
        if queue.jobs.len() >= queue.idle + queue.room {
            return Err(Busy);
        }
        queue.jobs.push_back(job);
        let idle = queue.idle > 0;
        drop(queue);
        if idle {
            self.shared.waiting.notify_one();
        }
        Ok(())
    }
}

impl Shared {
    fn work(&self) {
        let mut queue = self.queue.lock();
        loop {
            if let Some(job) = queue.jobs.pop_front() {
                queue.idle -= 1;
                MutexGuard::unlocked(&mut queue, || job.run());
                queue.idle += 1;
            } else if queue.closed {
                return;
            } else {
                self.waiting.wait(&mut queue);
            }
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.queue.lock().closed = true;
        self.shared.waiting.notify_all();
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let queue = self.shared.queue.lock();
        f.debug_struct("Pool")
            .field("threads", &self.threads)
            .field("idle", &queue.idle)
            .field("waiting", &queue.jobs.len())
            .finish()
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
/// use gateway_iface::{Error, wsgi};
///
/// fn hello(_: wsgi::Environ, start_response: &mut dyn wsgi::StartResponse) -> Result<wsgi::Body, Error> {
///     start_response.text(200, "Hello, World!".into())
/// }
///
/// # async fn run() -> Result<(), gateway_hyper::ServeError> {
/// gateway_hyper::serve("127.0.0.1:8000", gateway_hyper::wsgi(hello)?).await
/// # }
/// ```
pub fn wsgi<A: wsgi::Application + 'static>(app: A) -> io::Result<WsgiToAsgi<A, Pool>> {
    Ok(WsgiToAsgi::new(app, Pool::with_defaults()?))
}
