//! Connections that serve several requests, or one.

use gateway_iface::Error;
use gateway_iface::bytes::Bytes;
use gateway_iface::http::StatusCode;
use gateway_iface::wsgi::Body;

use crate::case::{App, Case, asgi, ensure, equal, wsgi};
use crate::cases::fields::text;
use crate::cases::http_wire::apps::TELLS;
use crate::client::{DEADLINE, HOST};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "connection_is_kept_and_closed_as_asked",
        rules: &["H-94", "H-95", "A-76"],
        about: "HTTP/1.1 connections serve one request after the other until the client says close, which the last response says too; HTTP/1.0 ones close, unless client and server agree to keep them.",
        app: TELLS,
        check: |client| {
            let path = client.path("");
            let mut raw = client.raw()?;
            for _ in 0..3 {
                raw.send(format!("GET {path} HTTP/1.1\r\nhost: {HOST}\r\n\r\n"))?;
                raw.response("GET")?.is(200, format!("GET {path}? "))?;
            }
            raw.send(format!(
                "GET {path} HTTP/1.1\r\nhost: {HOST}\r\nconnection: x-other, Close\r\n\r\n\
                 GET {path}/never HTTP/1.1\r\nhost: {HOST}\r\n\r\n"
            ))?;
            let last = raw.response("GET")?;
            last.is(200, format!("GET {path}? "))?;
            let says = last.all("connection").any(|options| options.to_ascii_lowercase().contains("close"));
            ensure(says, || "the last response does not say close".to_owned())?;
            ensure(raw.closed()?.is_empty(), || "a request after close was answered".to_owned())?;
            let mut old = client.raw()?;
            old.send(format!("GET {path} HTTP/1.0\r\nhost: {HOST}\r\n\r\n"))?;
            old.response("GET")?.is(200, format!("GET {path}? "))?;
            ensure(old.closed()?.is_empty(), || "an HTTP/1.0 connection was used on".to_owned())?;
            let mut kept = client.raw()?;
            let request = format!("GET {path} HTTP/1.0\r\nhost: {HOST}\r\nconnection: Keep-Alive\r\n\r\n");
            kept.send(&request)?;
            let first = kept.response("GET")?;
            first.is(200, format!("GET {path}? "))?;
            if first.all("connection").any(|options| options.eq_ignore_ascii_case("keep-alive")) {
                kept.send(&request)?;
                return kept.response("GET")?.is(200, format!("GET {path}? "));
            }
            ensure(kept.closed()?.is_empty(), || "a connection that is not kept was used on".to_owned())
        },
        ..Case::NEW
    },
    Case {
        name: "pipelined_requests_are_answered_in_order",
        rules: &["H-97", "A-34", "H-103"],
        about: "The client sends ten requests at once: the answers come in their order, each with its own content.",
        app: TELLS,
        check: |client| {
            let path = client.path("");
            let requests: String =
                (0..10).map(|n| format!("GET {path}/{n} HTTP/1.1\r\nhost: {HOST}\r\n\r\n")).collect();
            let mut raw = client.raw()?;
            raw.send(requests)?;
            for n in 0..10 {
                raw.response("GET")?.is(200, format!("GET {path}/{n}? "))?;
            }
            Ok(())
        },
        ..Case::NEW
    },
    Case {
        name: "unread_body_is_never_a_request",
        rules: &["H-56", "W-83", "A-76"],
        about: "The application answers without reading a body that looks like a request: that is never answered, and what is after it only if the connection goes on in its place.",
        app: App::Asgi(|journal| {
            asgi(move |scope, _, mut send| {
                let journal = journal.clone();
                async move {
                    let request = scope.into_http()?;
                    journal.note(request.path_info().rsplit('/').next().unwrap_or_default());
                    Ok(send.text(200, "unread").await?)
                }
            })
        }),
        check: |client| {
            let path = client.path("");
            let inner = format!("GET {path}/smuggled HTTP/1.1\r\nhost: {HOST}\r\n\r\n");
            let mut raw = client.raw()?;
            raw.send(format!(
                "POST {path}/first HTTP/1.1\r\nhost: {HOST}\r\ncontent-length: {}\r\n\r\n{inner}\
                 GET {path}/next HTTP/1.1\r\nhost: {HOST}\r\nconnection: close\r\n\r\n",
                inner.len()
            ))?;
            raw.response("POST")?.is(200, "unread")?;
            raw.closed()?;
            let notes = client.notes()?;
            ensure(!notes.iter().any(|note| note == "smuggled"), || {
                "the body was taken for a request".to_owned()
            })?;
            equal("the first call", notes.first().map(String::as_str), Some("first"))
        },
        ..Case::NEW
    },
    Case {
        name: "requests_on_several_connections_do_not_harm_each_other",
        rules: &["A-104", "W-52"],
        about: "A call waits while those of other connections fail, panic, break their response off and go well: each client gets its own answer, and the first one gets it at the end. A server that makes one call at a time, and says so by wsgi.multithread, makes them one after the other.",
        app: App::Wsgi(|journal| {
            wsgi(move |environ, start_response| {
                let what = environ.query_string().to_owned();
                match &*what {
                    "waits" if !environ.multithread() => journal.note("alone"),
                    "waits" => {
                        journal.note("waiting");
                        ensure(journal.wait_blocking("go", DEADLINE), || "it may never go on".to_owned())?;
                    }
                    "fails" => return Err(Error::new("as asked")),
                    "panics" => std::panic::resume_unwind(Box::new("as asked")),
                    _ => {}
                }
                start_response.start(StatusCode::OK, text())?;
                let end = if what == "breaks" { Err(Error::new("as asked")) } else { Ok(Bytes::new()) };
                Ok(Body::try_blocks([Ok(what.into()), end]))
            })
        }),
        check: |client| {
            let mut waits = client.raw()?;
            waits.send(format!("GET {} HTTP/1.1\r\nhost: {HOST}\r\n\r\n", client.path("/?waits")))?;
            client.wait_for_any()?;
            for what in ["fails", "panics", "other", "breaks", "another"] {
                let response = client.get(&format!("/?{what}"))?;
                match what {
                    "fails" | "panics" => equal("the status", response.status, 500)?,
                    "breaks" => response.is_cut()?,
                    what => response.is(200, what)?,
                }
            }
            client.note("go")?;
            waits.response("GET")?.is(200, "waits")
        },
        ..Case::NEW
    },
];
