//! The kit's application: every case under a path of its own.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use gateway_iface::asgi::{self, Receive, Scope};
use gateway_iface::bridge::{AsgiToWsgi, Job, WsgiToAsgi};
use gateway_iface::validate::{Culprit, OnViolation, Validator, Violation, Violations};
use gateway_iface::wsgi::{self, Body, Environ, StartResponse};
use gateway_iface::{Error, RequestHead, async_trait};

use crate::case::{App, Case, Failure, Group};
use crate::cases::cases;
use crate::control::Control;
use crate::journal::{Journal, Journals};

/// The application that a host serves while it is put to the test.
///
/// It implements both interfaces, and a host uses it as whichever it speaks: the cases of the other one
/// then go through a [`bridge`](gateway_iface::bridge). The first segment of a path names the case.
///
/// # Examples
///
/// Mounted in a server of one's own, for the program of this crate to be pointed at:
///
/// ```no_run
/// # async fn run() -> Result<(), gateway_hyper::ServeError> {
/// gateway_hyper::serve("127.0.0.1:8000", gateway_conformance::Application::new()).await
/// # }
/// ```
#[derive(Clone)]
pub struct Application {
    mounted: Arc<[Mounted]>,
    control: Control,
    journals: Journals,
}

/// A case with its application, as either interface sees it.
struct Mounted {
    case: Case,
    asgi: Arc<dyn asgi::Application>,
    wsgi: Arc<dyn wsgi::Application>,
    /// What the validator around the application has seen, and the one around its bridge.
    seen: Violations,
    seen_outside: Violations,
    /// Whether it was called without a bridge.
    native: AtomicBool,
}

impl Application {
    /// With every case.
    #[must_use]
    pub fn new() -> Self {
        Self::of(cases().map(|(_, case)| *case), false)
    }

    /// With these cases; one alone has the lifespan too if it is about that.
    pub(crate) fn of(cases: impl IntoIterator<Item = Case>, validated: bool) -> Self {
        let journals = Journals::default();
        let mount = |case: Case| Mounted::new(case, journals.of(case.name), validated);
        Self {
            mounted: cases.into_iter().map(mount).collect(),
            control: Control::new(journals.clone()),
            journals,
        }
    }

    /// The notes of a case.
    pub(crate) fn journal(&self, case: &'static str) -> Journal {
        self.journals.of(case)
    }

    /// Whether the validators saw nothing but what the cases break on purpose.
    pub(crate) fn judge(&self) -> Result<(), Failure> {
        self.mounted.iter().try_for_each(Mounted::judge)
    }

    /// The case that this request is for.
    fn find(&self, head: &RequestHead) -> Option<&Mounted> {
        let name = match head.headers().get(CASE_FIELD) {
            Some(name) => name.to_str().ok()?,
            None => head.path_info().split('/').nth(1)?,
        };
        self.mounted.iter().find(|mounted| mounted.case.name == name)
    }

    /// The case whose own lifespan this is.
    fn lifespan(&self) -> Option<&Mounted> {
        match &*self.mounted {
            [only] if Group::of(&only.case) == Some(Group::Lifespan) => Some(only),
            _ => None,
        }
    }
}

impl Default for Application {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl asgi::Application for Application {
    async fn call(&self, scope: Scope, receive: Receive, send: asgi::Send) -> Result<(), Error> {
        let Some(head) = scope.head() else {
            return match self.lifespan() {
                Some(mounted) => mounted.asgi.call(scope, receive, send).await,
                None => scope.into_lifespan()?.run(receive, send, async { Ok(()) }, async { Ok(()) }).await,
            };
        };
        match self.find(head) {
            Some(mounted) => {
                mounted.native.fetch_or(matches!(mounted.case.app, App::Asgi(_)), Ordering::Relaxed);
                mounted.asgi.call(scope, receive, send).await
            }
            None => self.control.answer(scope, send).await,
        }
    }
}

impl wsgi::Application for Application {
    fn call(&self, environ: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
        match self.find(environ.head()) {
            Some(mounted) => {
                mounted.native.fetch_or(matches!(mounted.case.app, App::Wsgi(_)), Ordering::Relaxed);
                mounted.wsgi.call(environ, start_response)
            }
            None => self.control.answer_blocking(&environ, start_response),
        }
    }
}

impl Mounted {
    fn new(case: Case, journal: Journal, validated: bool) -> Self {
        let (seen, seen_outside) = (Violations::new(), Violations::new());
        let (asgi, wsgi): (Arc<dyn asgi::Application>, Arc<dyn wsgi::Application>) = match case.app {
            App::Asgi(make) if validated => {
                let app = Arc::new(collecting(make(journal), &seen));
                (app.clone(), Arc::new(collecting(AsgiToWsgi::new(app), &seen_outside)))
            }
            App::Asgi(make) => {
                let app = make(journal);
                (app.clone(), Arc::new(AsgiToWsgi::new(app)))
            }
            App::Wsgi(make) if validated => {
                let app = Arc::new(collecting(make(journal), &seen));
                let bridge = WsgiToAsgi::new(app.clone(), on_a_thread);
                (Arc::new(collecting(bridge, &seen_outside)), app)
            }
            App::Wsgi(make) => {
                let app = make(journal);
                (Arc::new(WsgiToAsgi::new(app.clone(), on_a_thread)), app)
            }
        };
        Self { case, asgi, wsgi, seen, seen_outside, native: AtomicBool::new(false) }
    }

    /// Whether the validators saw what the application breaks on purpose, and nothing else.
    fn judge(&self) -> Result<(), Failure> {
        let breaks = self.case.breaks;
        let own = |seen: &Violation| seen.culprit() == Culprit::Application && breaks.contains(&seen.rule());
        // A server may end an exchange before a bridge has let the application break a rule.
        let native = self.native.load(Ordering::Relaxed);
        let mut seen = self.seen.take();
        let begun = Instant::now();
        while native && seen.is_empty() && !breaks.is_empty() && begun.elapsed() < PATIENCE {
            // The client may have its answer before the call has come so far.
            thread::sleep(Duration::from_millis(1));
            seen = self.seen.take();
        }
        if let Some(violation) = seen.iter().find(|seen| !own(seen)) {
            return Err(Failure::new(violation.to_string()));
        }
        if native && seen.is_empty() && !breaks.is_empty() {
            return Err(Failure::new(format!("no validator told that the application breaks {breaks:?}")));
        }
        // What a bridge passes on of such an application is the application's.
        let relayed = |seen: &Violation| !breaks.is_empty() && seen.culprit() == Culprit::Application;
        match self.seen_outside.take().iter().find(|seen| !relayed(seen)) {
            Some(violation) => Err(Failure::new(format!("outside of the bridge: {violation}"))),
            None => Ok(()),
        }
    }
}

fn collecting<A>(app: A, seen: &Violations) -> Validator<A> {
    Validator::new(app).on_violation(OnViolation::Collect).with_violations(seen.clone())
}

/// A thread for each request: a case may wait as long as it likes.
fn on_a_thread(job: Job) -> Result<(), gateway_iface::bridge::Busy> {
    let spawned = thread::Builder::new().name("case".to_owned()).spawn(|| job.run());
    spawned.map(drop).map_err(|_| gateway_iface::bridge::Busy)
}

impl fmt::Debug for Application {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.mounted.iter().map(|mounted| mounted.case.name)).finish()
    }
}

/// Names the case where the path cannot.
pub(crate) const CASE_FIELD: &str = "kit-case";

/// How long a call may take to break a rule once its client has the answer.
const PATIENCE: Duration = Duration::from_secs(5);
