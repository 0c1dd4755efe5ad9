//! Middleware that answers for its application.

use std::sync::Arc;
use std::time::Duration;

use gateway_iface::Error;
use gateway_iface::bytes::Bytes;
use gateway_iface::http::{Response, StatusCode};
use gateway_iface::middleware::{BodyLimit, CatchError, Timeout};
use gateway_iface::wsgi::Body;

use crate::case::{App, Case, asgi, equal, wsgi};
use crate::cases::fields::text;
use crate::client::Upload;

pub(super) const CASES: &[Case] = &[
    Case {
        name: "caught_error_is_answered_and_reported",
        rules: &["A-106", "A-104"],
        about: "The application fails before, and after, its first block: the layer answers the first with a page of its own and lets the second break the response off; it reports each once.",
        app: App::Asgi(|journal| {
            let app = asgi(|scope, _, mut send| async move {
                let what = scope.into_http()?.query_string().to_owned();
                if what != "early" {
                    send.start(StatusCode::OK, text()).await?;
                }
                if what == "late" {
                    send.block("part").await?;
                    send.flush().await?;
                }
                Err(Error::new(what))
            });
            let caught = CatchError::new(app, move |error| journal.note(error.to_string()));
            Arc::new(caught.answer_with(|_| page()))
        }),
        check: |client| {
            for what in ["early", "started"] {
                let response = client.get(&format!("/?{what}"))?;
                response.is(502, "a page of its own")?;
                response.has("x-page", "1")?;
            }
            client.get("/?late")?.is_cut()?;
            client.wait_for_all(["early", "started", "late"])
        },
        ..Case::NEW
    },
    Case {
        name: "caught_error_of_a_synchronous_application",
        rules: &["W-107", "W-138", "W-139"],
        about: "The application fails before and after its start: the layer answers with a page of its own, and reports each once; an error of its body breaks the response off, and is reported too.",
        app: App::Wsgi(|journal| {
            let app = wsgi(|environ, start_response| {
                let what = environ.query_string().to_owned();
                if what != "early" {
                    start_response.start(StatusCode::OK, text())?;
                }
                if what == "body" {
                    return Ok(Body::try_blocks([Ok("part"), Ok(""), Err(Error::new(what))]));
                }
                Err(Error::new(what))
            });
            let caught = CatchError::new(app, move |error| journal.note(error.to_string()));
            Arc::new(caught.answer_with(|_| page()))
        }),
        check: |client| {
            for what in ["early", "started"] {
                let response = client.get(&format!("/?{what}"))?;
                response.is(502, "a page of its own")?;
                response.has("x-page", "1")?;
            }
            client.get("/?body")?.is_cut()?;
            client.wait_for_all(["early", "started", "body"])
        },
        ..Case::NEW
    },
    Case {
        name: "call_over_its_time_is_ended",
        rules: &["A-106", "H-87"],
        about: "The application waits for ever, before and after its first block; when its time is up the client gets 503, or sees the response broken off.",
        app: App::Asgi(|journal| {
            let noted = journal.clone();
            let app = asgi(move |scope, _, mut send| {
                let noted = noted.clone();
                async move {
                    match scope.into_http()?.query_string() {
                        "quick" => return Ok(send.text(200, "quick").await?),
                        "late" => {
                            send.start(StatusCode::OK, text()).await?;
                            send.block("part").await?;
                        }
                        _ => {}
                    }
                    noted.note("waits");
                    std::future::pending().await
                }
            });
            // The time is up when the client says so.
            let sleep = move |_| journal.wait("time-is-up");
            Arc::new(Timeout::new(app, Duration::from_secs(1), sleep))
        }),
        check: |client| {
            client.get("/?quick")?.is(200, "quick")?;
            let mut late = client.open(client.to("GET", "/?late", ()), Upload::None)?;
            equal("the first block", late.octets(4)?, b"part")?;
            late.until_noted("waits", client)?;
            client.note("time-is-up")?;
            late.response()?.is_cut()?;
            equal("the status", client.get("/?early")?.status, 503)
        },
        ..Case::NEW
    },
    Case {
        name: "body_over_the_limit_of_a_layer_is_413",
        rules: &["H-48", "A-143"],
        about: "A layer allows eight octets of request body: what announces more is answered with 413 without a call, and what turns out to be more while it comes, too.",
        app: App::Asgi(|journal| {
            let app = asgi(move |scope, mut receive, mut send| {
                journal.note("called");
                async move {
                    scope.into_http()?;
                    let body = receive.body(1024).await?;
                    Ok(send.text(200, body).await?)
                }
            });
            Arc::new(BodyLimit::new(app, 8))
        }),
        check: |client| {
            equal("the status", client.post("", "123456789")?.status, 413)?;
            equal("the calls", client.notes()?, [""; 0])?;
            client.post("", "12345678")?.is(200, "12345678")?;
            let mut exchange = client.open(client.to("POST", "", ()), Upload::Chunked)?;
            exchange.send("12345", false)?;
            exchange.send("67890", true)?;
            equal("the status", exchange.response()?.status, 413)
        },
        ..Case::NEW
    },
    Case {
        name: "body_over_the_limit_of_a_synchronous_application",
        rules: &["H-48", "W-135"],
        about: "A layer allows eight octets: the read that goes beyond them fails, and the error that comes back is answered with 413.",
        app: App::Wsgi(|_| {
            let app = wsgi(|mut environ, start_response| {
                let body = environ.input().read_all(1024)?;
                start_response.text(200, Body::from(body))
            });
            Arc::new(BodyLimit::new(app, 8))
        }),
        check: |client| {
            client.post("", "12345678")?.is(200, "12345678")?;
            equal("the status", client.post("", "123456789")?.status, 413)?;
            let mut exchange = client.open(client.to("POST", "", ()), Upload::Chunked)?;
            exchange.send("1234567890", true)?;
            equal("the status", exchange.response()?.status, 413)
        },
        ..Case::NEW
    },
];

fn page() -> Response<Bytes> {
    let mut page = Response::new(Bytes::from_static(b"a page of its own"));
    *page.status_mut() = StatusCode::BAD_GATEWAY;
    let fields = page.headers_mut();
    fields.extend(text());
    fields.insert("x-page", gateway_iface::http::HeaderValue::from_static("1"));
    page
}
