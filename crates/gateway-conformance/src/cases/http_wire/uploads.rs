//! Bodies of requests, good and bad.

use crate::case::{Case, Failure, ensure, equal};
use crate::cases::http_wire::apps::TELLS;
use crate::client::{Client, HOST};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "chunks_are_decoded",
        rules: &["H-36", "H-47", "H-51", "H-54"],
        about: "Chunks of every size, with extensions and trailers, are decoded for any method, and no trailer shows as a field; the next request on the connection is its own.",
        app: TELLS,
        check: |client| {
            let path = client.path("");
            let mut raw = client.raw()?;
            for method in ["POST", "GET", "DELETE"] {
                raw.send(format!(
                    "{method} {path} HTTP/1.1\r\nhost: {HOST}\r\ntransfer-encoding: Chunked\r\n\r\n\
                     3\r\none\r\n0B;name=value\r\n, two, thre\r\n1\r\ne\r\n0\r\nx-kit-trailer: 1\r\n\r\n"
                ))?;
                raw.response(method)?.is(200, format!("{method} {path}? one, two, three"))?;
            }
            raw.send(format!("GET {path} HTTP/1.1\r\nhost: {HOST}\r\n\r\n"))?;
            raw.response("GET")?.is(200, format!("GET {path}? "))
        },
        ..Case::NEW
    },
    Case {
        name: "length_and_chunks_together_are_refused",
        rules: &["H-37"],
        about: "A request has both content-length and transfer-encoding: it is refused, or read by its chunks alone; what follows is never taken for a request.",
        app: TELLS,
        check: |client| {
            let path = client.path("");
            let mut raw = client.raw()?;
            raw.send(format!(
                "POST {path} HTTP/1.1\r\nhost: {HOST}\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n\
                 0\r\n\r\nGET {path}/smuggled HTTP/1.1\r\nhost: {HOST}\r\n\r\n"
            ))?;
            let first = raw.response("POST")?;
            ensure(matches!(first.status, 200 | 400), || format!("answered with {}", first.status))?;
            let rest = raw.closed()?;
            ensure(rest.is_empty(), || format!("the rest was answered: {:?}", String::from_utf8_lossy(&rest)))
        },
        ..Case::NEW
    },
    Case {
        name: "length_against_the_grammar_is_refused",
        rules: &["H-43", "H-44", "H-45"],
        about: "Lengths that are no single decimal number are refused, and the application is not called.",
        app: TELLS,
        check: |client| {
            for lengths in [
                "content-length: +4",
                "content-length: -4",
                "content-length: 4 4",
                "content-length: 0x4",
                "content-length: 4.0",
                "content-length: ",
                "content-length: 4, 5",
                "content-length: 4\r\ncontent-length: 5",
                "content-length: 99999999999999999999999999",
            ] {
                refused(client, lengths, "body")?;
            }
            equal("the calls", client.notes()?, [""; 0])
        },
        ..Case::NEW
    },
    Case {
        name: "coding_that_is_not_chunked_is_refused",
        rules: &["H-38", "H-39", "H-41"],
        about: "Transfer codings that are not plain chunked at the end are refused, and the application gets no body made up of them.",
        app: TELLS,
        check: |client| {
            for coding in [
                "gzip",
                "chunked, gzip",
                "xchunked",
                "chunked;x=1",
                "chunked\u{b}",
                "chunked, chunked",
                "chunked\r\ntransfer-encoding: chunked",
                "identity, chunked",
                "gzip, chunked",
            ] {
                refused(client, &format!("transfer-encoding: {coding}"), "0\r\n\r\n")?;
            }
            equal("the calls", client.notes()?, [""; 0])
        },
        ..Case::NEW
    },
    Case {
        name: "coding_in_an_old_version_ends_the_connection",
        rules: &["H-42"],
        about: "An HTTP/1.0 request has a transfer coding: it is refused, or answered and the connection closed; what follows is never taken for a request.",
        app: TELLS,
        check: |client| {
            let path = client.path("");
            let mut raw = client.raw()?;
            raw.send_if_taken(format!(
                "POST {path} HTTP/1.0\r\nhost: {HOST}\r\nconnection: keep-alive\r\ntransfer-encoding: chunked\r\n\r\n\
                 0\r\n\r\nGET {path}/smuggled HTTP/1.1\r\nhost: {HOST}\r\n\r\n"
            ));
            let first = raw.response("POST")?;
            ensure(matches!(first.status, 200 | 400..=505), || format!("answered with {}", first.status))?;
            let rest = raw.closed()?;
            ensure(rest.is_empty(), || format!("the rest was answered: {:?}", String::from_utf8_lossy(&rest)))
        },
        ..Case::NEW
    },
    Case {
        name: "chunks_against_the_grammar_are_no_body",
        rules: &["H-50", "H-51", "H-52"],
        about: "A chunk whose size or end is none, or whose extension has no end, breaks the body off: no success is answered, and the connection is closed.",
        app: TELLS,
        check: |client| {
            let path = client.path("");
            let endless = format!("4;{}\r\nbody\r\n0\r\n\r\n", "x".repeat(1024 * 1024));
            for chunks in [
                "x\r\nbody\r\n0\r\n\r\n",
                "-4\r\nbody\r\n0\r\n\r\n",
                "+4\r\nbody\r\n0\r\n\r\n",
                "0x4\r\nbody\r\n0\r\n\r\n",
                "fffffffffffffffff\r\nbody\r\n0\r\n\r\n",
                "4\r\nbodyX0\r\n\r\n",
                "3\r\nbody\r\n0\r\n\r\n",
                "4\nbody\r\n0\r\n\r\n",
                "4\r\nbody\n0\r\n\r\n",
                "4;x\ny\r\nbody\r\n0\r\n\r\n",
                &endless,
            ] {
                let mut raw = client.raw()?;
                raw.send_if_taken(format!(
                    "POST {path} HTTP/1.1\r\nhost: {HOST}\r\ntransfer-encoding: chunked\r\n\r\n{chunks}"
                ));
                // It may be answered, or only closed.
                let rest = raw.closed()?;
                let text = String::from_utf8_lossy(&rest);
                let status = text.split(' ').nth(1).unwrap_or_default();
                ensure(!status.starts_with('2'), || {
                    let chunks: String = chunks.chars().take(40).collect();
                    format!("{chunks:?} is taken for a body: {text:?}")
                })?;
            }
            Ok(())
        },
        ..Case::NEW
    },
    Case {
        name: "octets_after_the_body_are_the_next_request",
        rules: &["H-46", "H-47", "W-76"],
        about: "A body is as long as its length says, and without one there is none: what follows is the next request.",
        app: TELLS,
        check: |client| {
            let path = client.path("");
            let mut raw = client.raw()?;
            raw.send(format!(
                "POST {path}/1 HTTP/1.1\r\nhost: {HOST}\r\ncontent-length: 4\r\n\r\nbody\
                 GET {path}/2 HTTP/1.1\r\nhost: {HOST}\r\n\r\n\
                 GET {path}/3 HTTP/1.1\r\nhost: {HOST}\r\ncontent-length: 1\r\n\r\nx"
            ))?;
            raw.response("POST")?.is(200, format!("POST {path}/1? body"))?;
            raw.response("GET")?.is(200, format!("GET {path}/2? "))?;
            raw.response("GET")?.is(200, format!("GET {path}/3? x"))
        },
        ..Case::NEW
    },
];

/// Sends a request with these fields, which must be refused.
fn refused(client: &Client, fields: &str, body: &str) -> Result<(), Failure> {
    let mut raw = client.raw()?;
    let head = format!("POST {} HTTP/1.1\r\nhost: {HOST}\r\n{fields}\r\n\r\n", client.path(""));
    raw.send_if_taken(format!("{head}{body}"));
    let response = raw.response("POST").map_err(|failure| Failure::new(format!("{fields:?}: {failure}")))?;
    ensure((400..=505).contains(&response.status), || {
        format!("{fields:?} is answered with {}", response.status)
    })?;
    let more = raw.closed()?;
    ensure(more.is_empty(), || format!("after {fields:?}: {:?}", String::from_utf8_lossy(&more)))
}
