//! actix's threads for what blocks.

use gateway_iface::bridge::{Busy, Job, RunBlocking};
use tokio::runtime::Handle;

/// The threads that [`web::block`](actix_web::web::block) uses, for synchronous applications.
///
/// How many there are is set by
/// [`worker_max_blocking_threads`](actix_web::HttpServer::worker_max_blocking_threads); requests wait for one, without
/// a limit. Behind [`with_lifespan`](crate::with_lifespan) they are those of the runtime that it is called on. Where they are to be refused instead, take a pool of your own.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct BlockingPool;

impl BlockingPool {
    /// Those of the worker that a request came to.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl RunBlocking for BlockingPool {
    fn run(&self, job: Job) -> Result<(), Busy> {
        let runtime = Handle::try_current().map_err(|_| Busy)?;
        runtime.spawn_blocking(|| job.run());
        Ok(())
    }
}
