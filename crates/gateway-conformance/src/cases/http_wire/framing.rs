//! How responses end.

use gateway_iface::http::StatusCode;

use crate::case::{App, Case, asgi, ensure, equal};
use crate::cases::fields::{declared, text};
use crate::client::HOST;

pub(super) const CASES: &[Case] = &[
    Case {
        name: "response_says_how_it_ends",
        rules: &["H-82", "H-83", "H-84", "H-86", "W-125"],
        about: "To HTTP/1.1 a response has a length or chunks, and never both, and a length where the application gave all of it at once; to HTTP/1.0 it has no chunks, and ends with the connection where it has no length.",
        app: SENDS,
        check: |client| {
            for what in ["one", "several", "empty-between", "declared"] {
                let path = client.path(&format!("/?{what}"));
                let mut raw = client.raw()?;
                raw.send(format!("GET {path} HTTP/1.1\r\nhost: {HOST}\r\n\r\n"))?;
                let response = raw.response("GET")?;
                response.is(200, "one two")?;
                let framed = response.field("content-length").is_some()
                    || response.field("transfer-encoding").is_some();
                ensure(framed, || format!("{what}: the end cannot be known"))?;
                let known = matches!(what, "one" | "declared");
                ensure(!known || response.field("content-length").is_some(), || {
                    format!("{what}: the length is not told")
                })?;
                raw.send(format!("GET {path} HTTP/1.1\r\nhost: {HOST}\r\n\r\n"))?;
                raw.response("GET")?.is(200, "one two")?;
                let mut old = client.raw()?;
                old.send(format!("GET {path} HTTP/1.0\r\nhost: {HOST}\r\n\r\n"))?;
                let response = old.response("GET")?;
                response.is(200, "one two")?;
                response.lacks("transfer-encoding")?;
                ensure(old.closed()?.is_empty(), || "more came after the response".to_owned())?;
            }
            Ok(())
        },
        ..Case::NEW
    },
    Case {
        name: "declared_length_is_the_length_on_the_wire",
        rules: &["H-85", "A-74"],
        about: "The application declares seven octets and sends more: the response has the first seven, or is seen to be cut, and no octet of the surplus comes.",
        app: SENDS,
        breaks: &["A-74"],
        check: |client| {
            let mut raw = client.raw()?;
            let path = client.path("/?surplus");
            raw.send(format!("GET {path} HTTP/1.1\r\nhost: {HOST}\r\nconnection: close\r\n\r\n"))?;
            let response = raw.response("GET")?;
            equal("the status", response.status, 200)?;
            let right = if response.complete {
                response.body == b"one two"
            } else {
                b"one two".starts_with(&response.body)
            };
            ensure(right, || response.text().into_owned())?;
            ensure(raw.closed()?.is_empty(), || "the surplus came".to_owned())
        },
        ..Case::NEW
    },
    Case {
        name: "broken_response_is_seen_to_be_broken",
        rules: &["H-87", "A-106"],
        about: "The application fails after a block: the last chunk, or the rest of the declared length, never comes, and the connection is closed; to HTTP/1.0 it is reset.",
        app: SENDS,
        check: |client| {
            for (what, version) in
                [("fails", "1.1"), ("fails-declared", "1.1"), ("fails-declared", "1.0"), ("fails", "1.0")]
            {
                let mut raw = client.raw()?;
                raw.send(format!(
                    "GET {} HTTP/{version}\r\nhost: {HOST}\r\n\r\n",
                    client.path(&format!("/?{what}"))
                ))?;
                let response = raw.response("GET")?;
                equal("the status", response.status, 200)?;
                response.is_cut()?;
                ensure(raw.closed()?.is_empty(), || "the connection is used on".to_owned())?;
            }
            Ok(())
        },
        ..Case::NEW
    },
    Case {
        name: "blocks_are_no_empty_chunks",
        rules: &["H-86", "A-70"],
        about: "Empty blocks between others make no chunk, and the last chunk comes once, at the end.",
        app: SENDS,
        check: |client| {
            let mut raw = client.raw()?;
            let path = client.path("/?empty-between");
            raw.send(format!("GET {path} HTTP/1.1\r\nhost: {HOST}\r\nconnection: close\r\n\r\n"))?;
            let octets = raw.closed()?;
            let text = String::from_utf8_lossy(&octets);
            let (head, body) = text.split_once("\r\n\r\n").unwrap_or_default();
            if !head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
                return equal("the body", body, "one two");
            }
            let ends = body.matches("0\r\n\r\n").count();
            ensure(ends == 1 && body.ends_with("\r\n0\r\n\r\n"), || format!("the chunks are {body:?}"))
        },
        ..Case::NEW
    },
];

const SENDS: App = App::Asgi(|_| {
    asgi(|scope, _, mut send| async move {
        let request = scope.into_http()?;
        let what = request.query_string();
        let headers =
            if matches!(what, "declared" | "surplus" | "fails-declared") { declared("7") } else { text() };
        send.start(StatusCode::OK, headers).await?;
        if what == "one" {
            return Ok(send.last("one two").await?);
        }
        for block in if what == "empty-between" { &["", "one ", "", ""][..] } else { &["one "][..] } {
            send.block(*block).await?;
        }
        if what.starts_with("fails") {
            send.flush().await?;
            return Err(gateway_iface::Error::new("broken"));
        }
        send.block("two").await?;
        if what == "surplus" {
            send.block("HTTP/1.1 200 OK\r\n\r\n").await?;
        }
        Ok(send.last("").await?)
    })
});
