//! `Expect: 100-continue`.

use crate::case::{App, Case, asgi, ensure, equal, wsgi};
use crate::client::{Block, HOST};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "continue_comes_before_the_body_is_read",
        rules: &["W-144", "H-57", "H-60"],
        about: "The client waits for 100 before it sends its body, which the application reads: it comes once, and then the final response.",
        app: App::Wsgi(|_| {
            wsgi(|mut environ, start_response| {
                let body = environ.input().read_all(100)?;
                start_response.text(200, body.into())
            })
        }),
        check: |client| {
            let mut raw = client.raw()?;
            raw.send(format!(
                "POST {} HTTP/1.1\r\nhost: {HOST}\r\nexpect: 100-Continue\r\ncontent-length: 4\r\n\r\n",
                client.path("")
            ))?;
            equal("the first status", raw.any_head("POST")?.status, 100)?;
            raw.send("body")?;
            equal("the second status", raw.any_head("POST")?.status, 200)?;
            let mut body = Vec::new();
            while let Block::Data(block) = raw.block()? {
                body.extend_from_slice(&block);
            }
            equal("the body", body, b"body")
        },
        ..Case::NEW
    },
    Case {
        name: "no_continue_after_the_final_head",
        rules: &["W-145", "H-57", "H-60", "H-61"],
        about: "The application answers without reading the body, which the client then sends with another request: a 100 comes before that answer or not at all, the body is never taken for a request, and the connection is closed, or the other request answered.",
        app: App::Asgi(|_| {
            asgi(|scope, mut receive, mut send| async move {
                scope.into_http()?;
                send.text(403, "no").await?;
                // Reading now must not make a 100 out of it.
                let _ = receive.block().await;
                Ok(())
            })
        }),
        check: |client| {
            let mut raw = client.raw()?;
            raw.send(format!(
                "POST {} HTTP/1.1\r\nhost: {HOST}\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n",
                client.path("")
            ))?;
            raw.response("POST")?.is(403, "no")?;
            raw.send_if_taken(format!(
                "bodyGET {} HTTP/1.1\r\nhost: {HOST}\r\nconnection: close\r\n\r\n",
                client.path("")
            ));
            let rest = raw.closed()?;
            let rest = String::from_utf8_lossy(&rest);
            let next = rest.starts_with("HTTP/1.1 403 ") && rest.matches("HTTP/1.").count() == 1;
            ensure(rest.is_empty() || next, || format!("after the final response: {rest:?}"))
        },
        ..Case::NEW
    },
    Case {
        name: "http_1_0_gets_no_continue",
        rules: &["W-145", "H-58"],
        about: "An HTTP/1.0 client that expects a 100 gets none: its first head is the final one.",
        app: App::Wsgi(|_| {
            wsgi(|mut environ, start_response| {
                let body = environ.input().read_all(100)?;
                start_response.text(200, body.into())
            })
        }),
        check: |client| {
            let mut raw = client.raw()?;
            raw.send(format!(
                "POST {} HTTP/1.0\r\nhost: {HOST}\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\nbody",
                client.path("")
            ))?;
            equal("the first status", raw.any_head("POST")?.status, 200)
        },
        ..Case::NEW
    },
];
