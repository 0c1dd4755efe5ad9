//! Where calls that block run.

use std::fmt;
use std::sync::Arc;

use super::wsgi_to_asgi_handover::Handover;

/// Runs calls that block, away from the executor (A-149): a thread pool.
///
/// Closures `Fn(Job) -> Result<(), Busy>` and `Arc<R>` are runners too.
///
/// # Contract
///
/// - It returns at once, and [`Job::run`] is called on another thread: a job waits for the task that
///   handed it in, so it would wait for ever on the same one.
/// - A runner with a bounded queue says [`Busy`] when that is full. A job that is dropped instead of
///   run is answered with 503 as well, so nothing is lost when a pool shuts down.
/// - A job catches the panics of its application, so the thread survives.
///
/// # Examples
///
/// Ten requests at the same time, each on a thread of its own:
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicUsize, Ordering};
///
/// use gateway_iface::bridge::{Busy, Job, RunBlocking};
///
/// #[derive(Default)]
/// struct Threads {
///     running: Arc<AtomicUsize>,
/// }
///
/// impl RunBlocking for Threads {
///     fn run(&self, job: Job) -> Result<(), Busy> {
///         let running = Arc::clone(&self.running);
///         if running.fetch_add(1, Ordering::SeqCst) >= 10 {
///             running.fetch_sub(1, Ordering::SeqCst);
///             return Err(Busy);
///         }
///         std::thread::spawn(move || {
///             job.run();
///             running.fetch_sub(1, Ordering::SeqCst);
///         });
///         Ok(())
///     }
/// }
/// # use gateway_iface::bridge::WsgiToAsgi;
/// # use gateway_iface::http::{HeaderMap, Request, StatusCode};
/// # use gateway_iface::testing::{AsgiClient, block_on};
/// # use gateway_iface::wsgi::{Body, Environ, StartResponse};
/// # fn app(_: Environ, start_response: &mut dyn StartResponse) -> Result<Body, gateway_iface::Error> {
/// #     start_response.start(StatusCode::OK, HeaderMap::new())?;
/// #     Ok(Body::from("ran"))
/// # }
/// # let client = AsgiClient::new(WsgiToAsgi::new(app, Threads::default()));
/// # assert_eq!(block_on(client.request(Request::get("/").body("")?))?.body(), "ran");
/// # Ok::<(), gateway_iface::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot run blocking calls",
    note = "implement `bridge::RunBlocking`, or pass a closure `|job: Job| -> Result<(), Busy>`"
)]
pub trait RunBlocking: Send + Sync {
    /// Hands the job to a thread.
    ///
    /// # Errors
    ///
    /// [`Busy`] when there is no room; the client is answered with 503 (A-149).
    fn run(&self, job: Job) -> Result<(), Busy>;
}

impl<F> RunBlocking for F
where
    F: Fn(Job) -> Result<(), Busy> + Send + Sync,
{
    fn run(&self, job: Job) -> Result<(), Busy> {
        self(job)
    }
}

impl<R: RunBlocking + ?Sized> RunBlocking for Arc<R> {
    fn run(&self, job: Job) -> Result<(), Busy> {
        (**self).run(job)
    }
}

/// One call of a synchronous application, to be run on a thread that may block.
///
/// Dropped without being run, it has the request answered with 503.
#[must_use = "a job that is dropped is answered with 503"]
pub struct Job {
    handover: Option<Arc<Handover>>,
}

impl Job {
    pub(super) const fn new(handover: Arc<Handover>) -> Self {
        Self { handover: Some(handover) }
    }

    /// Calls the application and hands its response over, up to the close of its body.
    pub fn run(mut self) {
        if let Some(handover) = self.handover.take() {
            handover.work();
        }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        if let Some(handover) = self.handover.take() {
            handover.abandon();
        }
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").finish_non_exhaustive()
    }
}

/// There is no room for a further job.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("all threads are busy")]
#[expect(clippy::exhaustive_structs, reason = "it is complete, and runners everywhere have to build it")]
pub struct Busy;
