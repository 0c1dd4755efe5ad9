//! Heads of responses.

use gateway_iface::http::{HeaderMap, StatusCode};

use crate::case::{App, Case, asgi, ensure, equal};
use crate::cases::fields::text;
use crate::cases::http_wire::apps::TELLS;
use crate::client::HOST;

pub(super) const CASES: &[Case] = &[
    Case {
        name: "status_line_is_that_of_http",
        rules: &["H-64", "H-17"],
        about: "The first line has version, status and reason, to HTTP/1.1 and to HTTP/1.0.",
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
                let line = text.lines().next().unwrap_or_default();
                ensure(line.starts_with("HTTP/1.") && line[8..].starts_with(" 200 "), || line.to_owned())?;
            }
            Ok(())
        },
        ..Case::NEW
    },
    Case {
        name: "date_is_there_once",
        rules: &["H-70", "W-103"],
        about: "The response has a date, and that of the application where it gave one.",
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
            ensure(dates.len() == 1 && dates[0].len() == 29 && dates[0].ends_with(" GMT"), || {
                format!("{dates:?}")
            })
        },
        ..Case::NEW
    },
    Case {
        name: "head_has_the_fields_of_get_and_no_content",
        rules: &["H-09", "H-77", "H-78", "A-75", "W-129"],
        about: "The answer to HEAD has no content; a length in it is that of the answer to GET, and the next response on the connection is in its place.",
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
                let length = head.field("content-length");
                ensure(length.as_deref().is_none_or(|length| length == "5"), || format!("{length:?}"))?;
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
        about: "204 has neither length nor coding, 304 no coding and no content, whatever the application sends; the next response is in its place.",
        app: App::Asgi(|_| {
            asgi(|scope, _, mut send| async move {
                let status = StatusCode::from_u16(scope.into_http()?.query_string().parse()?)?;
                send.start(status, HeaderMap::new()).await?;
                send.block("not ").await?;
                Ok(send.last("wanted").await?)
            })
        }),
        breaks: &["H-77"],
        check: |client| {
            let mut raw = client.raw()?;
            for status in [204, 304, 204] {
                raw.send(format!(
                    "GET {} HTTP/1.1\r\nhost: {HOST}\r\n\r\n",
                    client.path(&format!("/?{status}"))
                ))?;
                let response = raw.response("GET")?;
                response.is(status, "")?;
                response.lacks("transfer-encoding")?;
                ensure(status == 304 || response.field("content-length").is_none(), || {
                    "204 has a length".to_owned()
                })?;
            }
            Ok(())
        },
        ..Case::NEW
    },
];
