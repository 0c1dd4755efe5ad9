//! Middleware that looks and forwards.

use std::sync::Arc;

use gateway_iface::middleware::{Counter, PathGuard, Wrap};

use crate::case::{App, Case, asgi, ensure, wsgi};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "counter_counts_what_passes",
        rules: &["A-143", "A-144", "W-135"],
        about: "A counter around the application changes nothing; what it has counted is right when the next request asks.",
        app: App::Asgi(|_| {
            let counts = gateway_iface::middleware::Counts::new();
            let told = counts.clone();
            let app = move |scope: gateway_iface::asgi::Scope,
                            _: gateway_iface::asgi::Receive,
                            mut send: gateway_iface::asgi::Send| {
                let now = told.snapshot();
                async move {
                    scope.into_http()?;
                    Ok(send.text(200, format!("{} {}", now.requests, now.success)).await?)
                }
            };
            Arc::new(app.wrap(|app| Counter::with_counts(app, counts)))
        }),
        check: |client| {
            client.get("")?.is(200, "1 0")?;
            let second = client.get("")?;
            ensure(matches!(&*second.text(), "2 1" | "2 0"), || second.text().into_owned())
        },
        ..Case::NEW
    },
    Case {
        name: "path_guard_lets_no_spelling_pass",
        rules: &["W-24", "W-26", "A-21"],
        about: "A guard denies a prefix: every spelling of it is answered with 404, and the application is not called.",
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
            crate::case::equal("the calls", client.notes()?, ["called"])
        },
        ..Case::NEW
    },
    Case {
        name: "middleware_composes_in_both_interfaces",
        rules: &["W-02", "W-135", "A-143"],
        about: "Ten layers of middleware around an application are one application: its stream comes through them.",
        app: App::Asgi(|_| {
            let app = asgi(|scope, mut receive, mut send| async move {
                scope.into_http()?;
                let body = receive.body(100).await?;
                Ok(send.text(200, body).await?)
            });
            (0..5).fold(app, |app, _| Arc::new(PathGuard::deny(Counter::new(app)).exact("/nowhere")))
        }),
        check: |client| client.post("", "through ten layers")?.is(200, "through ten layers"),
        ..Case::NEW
    },
];
