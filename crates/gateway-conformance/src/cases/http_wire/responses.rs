//! Heads of responses.

use gateway_iface::http::{HeaderMap, StatusCode};
use gateway_iface::wsgi::Body;

use crate::case::{App, Case, asgi, ensure, equal, wsgi};
use crate::cases::fields::{declared, text};
use crate::cases::http_wire::apps::TELLS;
use crate::client::{HOST, Response};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "status_line_is_that_of_http",
        rules: &["H-64", "H-17"],
        about: "The first line has version, a space, three digits and a space before the reason, if any; to HTTP/1.1 the version is 1.1, and to HTTP/1.0 one of the same major.",
        app: TELLS,
        check: |client| {
            for version in ["1.1", "1.0"] {
                let mut raw = client.raw()?;
                raw.send(format!(
                    "GET {} HTTP/{version}\r\nhost: {HOST}\r\nconnection: close\r\n\r\n",
                    client.path("")
                ))?;
                let octets = raw.closed()?;
                let text = String::from_utf8_lossy(&octets);
                let line = text.split("\r\n").next().unwrap_or_default();
                let versions = if version == "1.1" {
                    &["HTTP/1.1 200 "][..]
                } else {
                    &["HTTP/1.0 200 ", "HTTP/1.1 200 "]
                };
                ensure(versions.iter().any(|begin| line.starts_with(begin)), || line.to_owned())?;
            }
            Ok(())
        },
        ..Case::NEW
    },
    Case {
        name: "date_is_there_once",
        rules: &["H-70", "W-103"],
        about: "The response has one date, in the one form that is to be written, and that of the application where it gave one.",
        app: App::Asgi(|_| {
            asgi(|scope, _, mut send| async move {
                let own = scope.into_http()?.query_string() == "own";
                let mut headers = text();
                if own {
                    headers.insert("date", "Sun, 06 Nov 1994 08:49:37 GMT".parse()?);
                }
                send.start(StatusCode::OK, headers).await?;
                Ok(send.last("x").await?)
            })
        }),
        check: |client| {
            client.get("/?own")?.has("date", "Sun, 06 Nov 1994 08:49:37 GMT")?;
            let response = client.get("")?;
            let dates: Vec<_> = response.all("date").collect();
            ensure(dates.len() == 1 && is_date(&dates[0]), || format!("{dates:?}"))
        },
        ..Case::NEW
    },
    Case {
        name: "head_has_the_fields_of_get_and_no_content",
        rules: &["H-09", "H-77", "H-78", "A-75"],
        about: "The answer to HEAD has no content and the fields of the answer to GET, but for date and framing; a length in it is that of the answer to GET, and the next response on the connection is in its place.",
        app: App::Asgi(|_| {
            asgi(|scope, _, mut send| async move {
                let several = scope.into_http()?.query_string() == "several";
                send.start(StatusCode::OK, text()).await?;
                if several {
                    send.block("hel").await?;
                    return Ok(send.last("lo").await?);
                }
                Ok(send.last("hello").await?)
            })
        }),
        breaks: &["V-06"],
        check: |client| {
            let mut raw = client.raw()?;
            for what in ["/?one", "/?several"] {
                let path = client.path(what);
                raw.send(format!("HEAD {path} HTTP/1.1\r\nhost: {HOST}\r\n\r\n"))?;
                let head = raw.response("HEAD")?;
                equal("the status", head.status, 200)?;
                head.has_no_length_but(5)?;
                raw.send(format!("GET {path} HTTP/1.1\r\nhost: {HOST}\r\n\r\n"))?;
                let get = raw.response("GET")?;
                get.is(200, "hello")?;
                equal("the fields", own_fields(&head), own_fields(&get))?;
            }
            Ok(())
        },
        ..Case::NEW
    },
    Case {
        name: "head_has_no_invented_length",
        rules: &["H-78", "H-79"],
        about: "The application gives content to GET and none to HEAD, and none with 304: no length of 0 is made of that; the next response is in its place.",
        app: App::Asgi(|_| {
            asgi(|scope, _, mut send| async move {
                let request = scope.into_http()?;
                let status = if request.query_string() == "304" { 304 } else { 200 };
                let headers = if status == 304 { HeaderMap::new() } else { text() };
                send.start(StatusCode::from_u16(status)?, headers).await?;
                let content = if status == 304 || request.method() == "HEAD" { "" } else { "hello" };
                Ok(send.last(content).await?)
            })
        }),
        check: |client| {
            let mut raw = client.raw()?;
            for (method, below, status) in
                [("HEAD", "/?200", 200), ("GET", "/?304", 304), ("HEAD", "/?304", 304)]
            {
                raw.send(format!("{method} {} HTTP/1.1\r\nhost: {HOST}\r\n\r\n", client.path(below)))?;
                let response = raw.response(method)?;
                response.is(status, "")?;
                response.has_no_length_but(5)?;
            }
            raw.send(format!("GET {} HTTP/1.1\r\nhost: {HOST}\r\n\r\n", client.path("/?200")))?;
            raw.response("GET")?.is(200, "hello")
        },
        ..Case::NEW
    },
    Case {
        name: "head_of_an_empty_body_has_no_invented_length",
        rules: &["H-78", "W-127", "W-129"],
        about: "The application returns no octet for HEAD: no length of 0 is made of that, and a length that it declared stays.",
        app: App::Wsgi(|_| {
            wsgi(|environ, start_response| {
                let what = environ.query_string();
                start_response
                    .start(StatusCode::OK, if what == "declared" { declared("5") } else { text() })?;
                if environ.head().method() != "HEAD" {
                    return Ok(Body::from("hello"));
                }
                Ok(if what == "blocks" { Body::blocks(["", ""]) } else { Body::empty() })
            })
        }),
        check: |client| {
            let mut raw = client.raw()?;
            for (what, known) in [("none", false), ("blocks", false), ("declared", true)] {
                let path = client.path(&format!("/?{what}"));
                raw.send(format!("HEAD {path} HTTP/1.1\r\nhost: {HOST}\r\n\r\n"))?;
                let head = raw.response("HEAD")?;
                head.is(200, "")?;
                let length = head.field("content-length");
                let right = if known {
                    length.as_deref() == Some("5")
                } else {
                    length.as_deref().is_none_or(|length| length == "5")
                };
                ensure(right, || format!("{what}: the length is {length:?}"))?;
                raw.send(format!("GET {path} HTTP/1.1\r\nhost: {HOST}\r\n\r\n"))?;
                raw.response("GET")?.is(200, "hello")?;
            }
            Ok(())
        },
        ..Case::NEW
    },
    Case {
        name: "no_content_has_no_length_and_no_coding",
        rules: &["H-76", "H-77", "H-79", "H-82"],
        about: "204 has neither length nor coding, its own not counted, 304 no coding and no content, nor another length than that of what the application sends; the next response is in its place.",
        app: App::Asgi(|_| {
            asgi(|scope, _, mut send| async move {
                let request = scope.into_http()?;
                let (status, own) = request.query_string().split_once('-').unwrap_or_default();
                let headers = if own == "own" { declared("10") } else { HeaderMap::new() };
                send.start(StatusCode::from_u16(status.parse()?)?, headers).await?;
                send.block("not ").await?;
                Ok(send.last("wanted").await?)
            })
        }),
        breaks: &["H-76", "H-77", "V-05"],
        check: |client| {
            let mut raw = client.raw()?;
            for (status, own) in [(204, "none"), (304, "none"), (204, "own"), (304, "own"), (204, "none")] {
                raw.send(format!(
                    "GET {} HTTP/1.1\r\nhost: {HOST}\r\n\r\n",
                    client.path(&format!("/?{status}-{own}"))
                ))?;
                let response = raw.response("GET")?;
                response.is(status, "")?;
                response.lacks("transfer-encoding")?;
                let length = response.field("content-length");
                let right = length.as_deref().is_none_or(|length| status == 304 && length == "10");
                ensure(right, || format!("{status} has the length {length:?}"))?;
            }
            Ok(())
        },
        ..Case::NEW
    },
];

/// The fields that the answers to GET and HEAD have in common.
fn own_fields(response: &Response) -> Vec<&(String, Vec<u8>)> {
    let framing = ["date", "content-length", "transfer-encoding", "connection"];
    let mut fields: Vec<_> =
        response.fields.iter().filter(|(name, _)| !framing.contains(&name.as_str())).collect();
    fields.sort();
    fields
}

/// Whether it has the form of `Sun, 06 Nov 1994 08:49:37 GMT` (H-70).
fn is_date(date: &str) -> bool {
    let form = b"???, 00 ??? 0000 00:00:00 GMT";
    let same = |(&seen, &wanted): (&u8, &u8)| match wanted {
        b'0' => seen.is_ascii_digit(),
        b'?' => seen.is_ascii_alphabetic(),
        wanted => seen == wanted,
    };
    let days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    date.len() == form.len()
        && date.as_bytes().iter().zip(form).all(same)
        && days.contains(&&date[..3])
        && months.contains(&&date[8..11])
}
