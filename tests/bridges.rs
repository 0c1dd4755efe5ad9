//! The bridges between the two interfaces, rule by rule.

#[path = "bridges/asgi_to_wsgi.rs"]
mod asgi_to_wsgi;
#[path = "bridges/asgi_to_wsgi_bodies.rs"]
mod asgi_to_wsgi_bodies;
#[path = "bridges/double.rs"]
mod double;
#[path = "bridges/inline.rs"]
mod inline;
#[path = "bridges/wsgi_to_asgi.rs"]
mod wsgi_to_asgi;
#[path = "bridges/wsgi_to_asgi_environ.rs"]
mod wsgi_to_asgi_environ;
#[path = "bridges/wsgi_to_asgi_paths.rs"]
mod wsgi_to_asgi_paths;

use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, ThreadId};

use gateway_iface::asgi::event::SendEvent;
use gateway_iface::bridge::{Busy, Job};
use gateway_iface::http::{HeaderMap, Method, Request, StatusCode};
use gateway_iface::wsgi::{Body, Environ, StartResponse};
use gateway_iface::{Error, Observe, Outcome, RequestHead};

/// A thread for each job.
fn threads(job: Job) -> Result<(), Busy> {
    thread::spawn(move || job.run());
    Ok(())
}

/// A value that threads wait for.
#[derive(Clone, Debug, Default)]
struct Shared<T>(Arc<(Mutex<T>, Condvar)>);

impl<T> Shared<T> {
    fn with<U>(&self, change: impl FnOnce(&mut T) -> U) -> U {
        let result = change(&mut self.0.0.lock().expect("no test panics with it"));
        self.0.1.notify_all();
        result
    }

    /// Waits until it is as wanted: there is no time limit, the harness of a hanging test tells.
    fn wait(&self, wanted: impl Fn(&T) -> bool) {
        let guard = self.0.0.lock().expect("no test panics with it");
        drop(self.0.1.wait_while(guard, |value| !wanted(value)).expect("no test panics with it"));
    }
}

/// Counts closes and remembers the threads they were on.
#[derive(Clone, Debug, Default)]
struct Closes(Shared<Vec<ThreadId>>);

impl Closes {
    fn count(&self, body: Body) -> Body {
        let closes = self.0.clone();
        body.on_close(move || {
            closes.with(|threads| threads.push(thread::current().id()));
            Ok(())
        })
    }

    fn get(&self) -> usize {
        self.0.with(|threads| threads.len())
    }
}

#[derive(Clone, Default)]
struct Outcomes(Shared<Vec<Outcome>>);

impl Observe for Outcomes {
    fn finished(&self, outcome: &Outcome) {
        self.0.with(|outcomes| outcomes.push(outcome.clone()));
    }
}

impl Outcomes {
    fn only(&self) -> Outcome {
        self.0.with(|outcomes| {
            assert_eq!(outcomes.len(), 1, "an outcome is told exactly once");
            outcomes[0].clone()
        })
    }
}

fn get(path: &str) -> Request<&'static str> {
    Request::get(path).body("").expect("a valid path")
}

fn head(method: Method, path: &str) -> RequestHead {
    RequestHead::new(
        Request::builder().method(method).uri(path).body(()).expect("a valid path").into_parts().0,
    )
}

fn start(start_response: &mut dyn StartResponse) -> Result<(), Error> {
    start_response.start(StatusCode::OK, HeaderMap::new())
}

fn hello(_: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
    start(start_response)?;
    Ok(Body::from("hello"))
}

/// The name of the event, and of body events what they carry and whether more follows.
fn told(event: Option<SendEvent>) -> String {
    match event {
        Some(SendEvent::ResponseBody(block)) => {
            format!("{} {}", block.body.escape_ascii(), if block.more_body { "more" } else { "last" })
        }
        Some(SendEvent::ResponseStart(start)) => format!("start {}", start.status.as_u16()),
        Some(event) => event.name().to_owned(),
        None => "end".to_owned(),
    }
}
