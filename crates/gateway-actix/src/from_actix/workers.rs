//! The threads that an actix-web application runs on.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use actix_rt::{Arbiter, System};
use actix_service::{IntoServiceFactory, Service, ServiceFactory};
use actix_web::body::MessageBody;
use actix_web::dev::AppConfig;
use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};

use super::handler::{self, Job, caught};
use crate::under_way::UnderWay;

/// Threads, each with an actix arbiter and an instance of the application, all in one actix system.
pub(super) struct Workers {
    workers: Vec<Worker>,
    next: AtomicUsize,
    built: watch::Receiver<Built>,
    /// Closed when the last thread is done.
    done: watch::Receiver<()>,
}

struct Worker {
    jobs: mpsc::Sender<Job>,
    load: Arc<AtomicUsize>,
}

impl Workers {
    /// Starts that many threads; each takes as many jobs as `backlog` says while it is busy.
    pub(super) fn start(work: Work, count: usize, backlog: usize) -> io::Result<Self> {
        let (built_by, built) = watch::channel(Built { count: 0, error: None });
        let (done_by, done) = watch::channel(());
        let mut workers = Vec::with_capacity(count);
        let mut places = Vec::with_capacity(count);
        for _ in 0..count {
            let (jobs, queue) = mpsc::channel(backlog);
            workers.push(Worker { jobs, load: Arc::default() });
            places.push(Place { queue, built: built_by.clone() });
        }
        let threads = thread::Builder::new().name("gateway-actix".to_owned());
        threads.spawn(move || {
            run(&work, places, &built_by);
            drop((built_by, done_by));
        })?;
        Ok(Self { workers, next: AtomicUsize::new(0), built, done })
    }

    /// Waits until each worker has built its instance.
    pub(super) async fn built(&self) -> Result<(), StartError> {
        let mut built = self.built.clone();
        let count = self.workers.len();
        match built.wait_for(|built| built.count == count || built.error.is_some()).await {
            Ok(built) => built.error.clone().map_or(Ok(()), Err),
            Err(_) => Err(StartError::ended()),
        }
    }

    /// Takes no more jobs; resolves when those that there are have ended, and so have the threads.
    pub(super) async fn stop(self: Arc<Self>) {
        let mut done = self.done.clone();
        drop(self);
        // An error tells that the sender is gone, with the last thread.
        while done.changed().await.is_ok() {}
    }

    /// The worker that has the least to do, of those that go on.
    pub(super) fn least(&self) -> Result<Seat, StartError> {
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        let count = self.workers.len();
        let turns = (0..count).map(|turn| &self.workers[first.wrapping_add(turn) % count]);
        let working = turns.filter(|worker| !worker.jobs.is_closed());
        match working.min_by_key(|worker| worker.load.load(Ordering::Relaxed)) {
            Some(worker) => Ok(Seat { jobs: worker.jobs.clone(), load: Load::new(worker.load.clone()) }),
            None => Err(self.built.borrow().error.clone().unwrap_or_else(StartError::ended)),
        }
    }
}

/// A worker for one job.
pub(super) struct Seat {
    pub(super) jobs: mpsc::Sender<Job>,
    pub(super) load: Load,
}

/// Counts as one job of a worker for as long as it lives.
pub(super) struct Load(Arc<AtomicUsize>);

impl Load {
    fn new(load: Arc<AtomicUsize>) -> Self {
        load.fetch_add(1, Ordering::Relaxed);
        Self(load)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a worker does from its first moment to its last; called on its thread.
pub(super) type Work = Arc<dyn Fn(Place) -> Pin<Box<dyn Future<Output = ()>>> + Send + Sync>;

/// Where a worker gets its jobs.
pub(super) struct Place {
    queue: mpsc::Receiver<Job>,
    built: watch::Sender<Built>,
}

struct Built {
    count: usize,
    error: Option<StartError>,
}

/// What a worker of the applications of this factory does.
pub(super) fn work<F, I, S, B>(factory: F) -> Work
where
    F: Fn() -> I + Send + 'static,
    I: IntoServiceFactory<S, actix_http::Request>,
    S: ServiceFactory<actix_http::Request, Config = AppConfig> + 'static,
    S::Error: Into<actix_web::Error> + 'static,
    S::InitError: fmt::Debug,
    S::Response: Into<actix_http::Response<B>> + 'static,
    S::Service: 'static,
    B: MessageBody + 'static,
{
    let factory = Arc::new(Mutex::new(factory));
    Arc::new(move |place| {
        let factory = factory.clone();
        Box::pin(async move {
            let Place { queue, built } = place;
            let instance = build(async {
                let instance = factory.lock()().into_factory().new_service(AppConfig::default());
                instance.await
            });
            match instance.await {
                Ok(service) => {
                    built.send_modify(|built| built.count += 1);
                    serve(service, queue).await;
                }
                Err(error) => {
                    built.send_modify(|built| built.error = Some(error.clone()));
                    refuse(queue, &error);
                }
            }
        })
    })
}

/// Builds an instance; a panic is one more reason why there is none.
async fn build<S, E: fmt::Debug>(building: impl Future<Output = Result<S, E>>) -> Result<S, StartError> {
    let mut building = pin!(building);
    match poll_fn(|cx| caught(|| building.as_mut().poll(cx))).await {
        Ok(instance) => instance.map_err(|error| StartError::new(&format!("{error:?}"))),
        Err(panic) => Err(StartError::new(&panic.to_string())),
    }
}

/// Ends the calls that came before it was known that there is no instance.
fn refuse(mut queue: mpsc::Receiver<Job>, error: &StartError) {
    queue.close();
    while let Ok(job) = queue.try_recv() {
        job.giver.end(Err(error.clone().into()));
    }
}

/// Serves until no one is left to bring jobs, and to the end of those that there are.
async fn serve<S, B>(service: S, mut queue: mpsc::Receiver<Job>)
where
    S: Service<actix_http::Request> + 'static,
    S::Error: Into<actix_web::Error> + 'static,
    S::Response: Into<actix_http::Response<B>>,
    B: MessageBody + 'static,
{
    let service = Rc::new(service);
    let under_way = UnderWay::default();
    loop {
        // Here and not where it is called: a service keeps one waker.
        let ready = poll_fn(|cx| caught(|| service.poll_ready(cx))).await;
        let Some(job) = queue.recv().await else {
            break;
        };
        let (service, held) = (service.clone(), under_way.clone());
        under_way.spawn_here(async move { handler::run(&*service, ready, job, held).await });
    }
    under_way.ended().await;
}

/// Runs the workers in a system of their own, the first of them on this thread, until all have ended.
fn run(work: &Work, places: Vec<Place>, built: &watch::Sender<Built>) {
    System::new().block_on(async {
        let mut places = places.into_iter();
        let first = places.next();
        let mut arbiters = Vec::with_capacity(places.len());
        let (running, mut ended) = mpsc::channel(1);
        for place in places {
            match Arbiter::try_new() {
                Ok(arbiter) => {
                    let (work, running) = (work.clone(), Running { _held: running.clone() });
                    arbiter.spawn_fn(move || {
                        actix_rt::spawn(async move {
                            work(place).await;
                            drop(running);
                        });
                    });
                    arbiters.push(arbiter);
                }
                Err(error) => {
                    let error = StartError::new(&error.to_string());
                    built.send_modify(|built| built.error = Some(error));
                }
            }
        }
        if let Some(first) = first {
            // A panic is for this worker alone: the others have a system for as long as they go on.
            let _ = actix_rt::spawn(work(first)).await;
        }
        drop(running);
        // This thread has the system to run while the others end: it may not block before.
        while ended.recv().await.is_some() {}
        for arbiter in arbiters {
            // A thread that panicked has ended as well.
            let _ = arbiter.join();
        }
    });
}

/// Ends the thread of an arbiter when its worker has ended, however it did.
struct Running {
    _held: mpsc::Sender<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(arbiter) = Arbiter::try_current() {
            arbiter.stop();
        }
    }
}

/// The actix-web application could not be built.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the actix-web application could not be built: {reason}")]
pub struct StartError {
    reason: Arc<str>,
}

impl StartError {
    fn new(reason: &str) -> Self {
        Self { reason: reason.into() }
    }

    fn ended() -> Self {
        Self::new("its threads ended")
    }
}
