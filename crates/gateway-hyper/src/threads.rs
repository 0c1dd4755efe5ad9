//! The threads of a server that brings its own.

use std::io;
use std::num::NonZeroUsize;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tokio::runtime;
use tokio_util::sync::CancellationToken;

/// How threads share the connections of a server.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Runtime {
    /// Each thread has a runtime of its own, and a connection stays with the thread that accepted it: nothing
    /// is handed from thread to thread, which saves a tenth of what a small request costs. A request that computes for
    /// long holds up those beside it.
    #[default]
    PerThread,
    /// One runtime, whose threads take tasks from each other: for applications whose requests differ
    /// much in what they cost.
    WorkStealing,
}

/// Threads beside the calling one, each with a runtime of its own.
#[derive(Debug)]
pub(crate) struct Threads {
    handles: Vec<runtime::Handle>,
    end: CancellationToken,
    ended: mpsc::Receiver<()>,
}

impl Threads {
    pub(crate) fn start(count: usize) -> io::Result<Self> {
        let (tell, ended) = mpsc::channel();
        let mut threads = Self { handles: Vec::with_capacity(count), end: CancellationToken::new(), ended };
        for number in 1..=count {
            let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
            threads.handles.push(runtime.handle().clone());
            let (end, tell) = (threads.end.clone(), tell.clone());
            thread::Builder::new().name(format!("gateway-{number}")).spawn(move || {
                runtime.block_on(end.cancelled());
                runtime.shutdown_background();
                drop(tell);
            })?;
        }
        Ok(threads)
    }

    pub(crate) fn handles(&self) -> &[runtime::Handle] {
        &self.handles
    }

    /// Ends the threads; one that an application blocks is left behind.
    pub(crate) fn end(self) {
        self.end.cancel();
        // Nobody sends: it ends when the last thread does.
        let _ = self.ended.recv_timeout(END);
    }
}

/// The default number of threads.
pub(crate) fn processors() -> NonZeroUsize {
    thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// How long threads may take to end once all is done.
const END: Duration = Duration::from_secs(1);
