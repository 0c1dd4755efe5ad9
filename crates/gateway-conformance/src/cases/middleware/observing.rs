//! Middleware that looks and forwards.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use gateway_iface::bridge::{Busy, Job, WsgiToAsgi};
use gateway_iface::http::StatusCode;
use gateway_iface::middleware::{Counter, PathGuard, Wrap};
use gateway_iface::wsgi::Body;
use gateway_iface::{asgi, wsgi};

use crate::case::{App, Case, Failure, ensure, equal, wsgi};
use crate::cases::fields::text;
use crate::client::Client;

pub(super) const CASES: &[Case] = &[
    Case {
        name: "counter_counts_what_passes",
        rules: &["A-143"],
        about: "A counter around the application changes nothing. It counts a request before the application is called and a success at some time after, never more of them than there were answers.",
        app: App::Asgi(|_| {
            let counts = gateway_iface::middleware::Counts::new();
            let told = counts.clone();
            let app = move |scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send| {
                let now = told.snapshot();
                async move {
                    scope.into_http()?;
                    Ok(send.text(200, format!("{} {}", now.requests, now.success)).await?)
                }
            };
            Arc::new(app.wrap(|app| Counter::with_counts(app, counts)))
        }),
        check: |client| {
            // On a host that runs already it has counted those of earlier runs.
            let (begun, done) = counts(client)?;
            // A call may end after its client has the answer.
            for n in begun + 1..begun + 100 {
                let (requests, success) = counts(client)?;
                equal("the requests", requests, n)?;
                if success > done {
                    return Ok(());
                }
                thread::sleep(Duration::from_millis(10));
            }
            Err(Failure::new("no success was counted"))
        },
        ..Case::NEW
    },
    Case {
        name: "path_guard_lets_no_spelling_pass",
        rules: &["W-25"],
        about: "A guard denies a prefix: every spelling of it, an encoded slash included, is answered with 404, and the application is not called.",
        app: App::Wsgi(|journal| {
            let app = wsgi(move |_, start_response| {
                journal.note("called");
                start_response.text(200, "open".into())
            });
            Arc::new(PathGuard::deny(app).prefix("/path_guard_lets_no_spelling_pass/admin"))
        }),
        check: |client| {
            for below in
                ["/admin", "/admin/", "/%61dmin/x", "/./admin", "/x/../admin", "/%2e/admin/y", "/admin%2Fx"]
            {
                let response = client.get(below)?;
                ensure(response.status == 404, || format!("{below} is answered with {}", response.status))?;
            }
            client.get("/administrator")?.is(200, "open")?;
            equal("the calls", client.notes()?, ["called"])
        },
        ..Case::NEW
    },
    Case {
        name: "middleware_composes_in_both_interfaces",
        rules: &["W-135", "A-143"],
        about: "Ten layers of middleware around a synchronous application, a bridge, and ten layers around that are one application: the body goes through them, and comes back in its blocks.",
        app: App::Asgi(|_| {
            let app = wsgi(|mut environ, start_response| {
                let body = environ.input().read_all(100)?;
                start_response.start(StatusCode::OK, text())?;
                Ok(Body::blocks([body, "".into(), " and back".into()]))
            });
            let app = (0..5).fold(app, |app, _| {
                let app: Arc<dyn wsgi::Application> =
                    Arc::new(PathGuard::deny(Counter::new(app)).exact("/nowhere"));
                app
            });
            let app: Arc<dyn asgi::Application> = Arc::new(WsgiToAsgi::new(app, |job: Job| {
                thread::spawn(|| job.run());
                Ok::<(), Busy>(())
            }));
            (0..5).fold(app, |app, _| Arc::new(PathGuard::deny(Counter::new(app)).exact("/nowhere")))
        }),
        check: |client| client.post("", "through twenty layers")?.is(200, "through twenty layers and back"),
        ..Case::NEW
    },
];

/// What the counter has counted of requests, and of successes, which are never as many.
fn counts(client: &Client) -> Result<(u64, u64), Failure> {
    let response = client.get("")?;
    let text = response.text();
    let told = text
        .split_once(' ')
        .and_then(|(requests, success)| Some((requests.parse().ok()?, success.parse().ok()?)));
    told.filter(|(requests, success)| response.status == 200 && success < requests)
        .ok_or_else(|| Failure::new(format!("the counts: {text:?}")))
}
