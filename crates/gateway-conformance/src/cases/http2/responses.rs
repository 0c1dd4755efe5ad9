//! Heads of responses, and those without content.

use gateway_iface::http::{HeaderMap, StatusCode};

use crate::case::{App, Case, asgi, ensure, equal};
use crate::cases::fields::{declared, fields, text};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "http2_every_final_status_passes",
        rules: &["A-59", "A-60", "H-65"],
        about: "The application answers with a status of its choice, known or not: it is the one that arrives.",
        app: App::Asgi(|_| {
            asgi(|scope, _, mut send| async move {
                let status: u16 = scope.into_http()?.query_string().parse()?;
                Ok(send.text(status, "").await?)
            })
        }),
        check: |client| {
            let mut connection = client.http2()?;
            for status in [200, 201, 299, 300, 399, 400, 418, 499, 500, 599] {
                connection.request(client.to("GET", &format!("?{status}"), ""))?.is(status, "")?;
            }
            Ok(())
        },
        ..Case::NEW
    },
    Case {
        name: "http2_date_is_there_once",
        rules: &["H-70"],
        about: "The application sends no date, and then one of its own: the response has one, and its own where there is one.",
        app: App::Asgi(|_| {
            asgi(|scope, _, mut send| async move {
                let own = scope.into_http()?.query_string() == "own";
                let mut headers = text();
                if own {
                    headers.extend(fields([("date", OWN)]));
                }
                send.start(StatusCode::OK, headers).await?;
                Ok(send.last("dated").await?)
            })
        }),
        check: |client| {
            let mut connection = client.http2()?;
            let response = connection.request(client.to("GET", "", ""))?;
            equal("the number of dates", response.all("date").count(), 1)?;
            connection.request(client.to("GET", "?own", ""))?.has("date", OWN)
        },
        ..Case::NEW
    },
    Case {
        name: "http2_fields_of_a_connection_are_not_sent",
        rules: &["H-109", "H-72", "A-72", "A-73"],
        about: "The application sends fields about a connection of HTTP/1: none arrives, and the others do.",
        app: App::Asgi(|_| {
            asgi(|scope, _, mut send| async move {
                scope.into_http()?;
                let mut headers = text();
                headers.extend(fields(OF_A_CONNECTION));
                headers.extend(fields([("x-kit", "kept")]));
                send.start(StatusCode::OK, headers).await?;
                Ok(send.last("well").await?)
            })
        }),
        breaks: &["A-72", "A-73", "H-72"],
        check: |client| {
            let response = client.http2()?.request(client.to("GET", "", ""))?;
            response.is(200, "well")?;
            response.has("x-kit", "kept")?;
            OF_A_CONNECTION.iter().try_for_each(|(name, _)| response.lacks(name))
        },
        ..Case::NEW
    },
    Case {
        name: "http2_head_has_the_fields_of_get_and_no_content",
        rules: &["H-77", "H-78", "A-75"],
        about: "The application answers HEAD as it does GET: no content is sent, the length is that of GET or none, and the connection goes on.",
        app: App::Asgi(|_| {
            asgi(|scope, _, mut send| async move {
                scope.into_http()?;
                send.start(StatusCode::OK, text()).await?;
                send.block("hel").await?;
                Ok(send.last("lo").await?)
            })
        }),
        breaks: &["V-06"],
        check: |client| {
            let mut connection = client.http2()?;
            for _ in 0..2 {
                let head = connection.request(client.to("HEAD", "", ""))?;
                head.is(200, "")?;
                head.has("content-type", "text/plain; charset=utf-8")?;
                head.has_no_length_but(5)?;
                connection.request(client.to("GET", "", ""))?.is(200, "hello")?;
            }
            Ok(())
        },
        ..Case::NEW
    },
    Case {
        name: "http2_no_content_is_no_content",
        rules: &["H-76", "H-77", "H-79", "A-75"],
        about: "204 and 304 have no content, whatever the application sends, and 204 has no length.",
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
            let mut connection = client.http2()?;
            for (status, own) in [(204, "none"), (304, "none"), (204, "own"), (304, "own")] {
                let response = connection.request(client.to("GET", &format!("?{status}-{own}"), ""))?;
                response.is(status, "")?;
                let length = response.field("content-length");
                let right = length.as_deref().is_none_or(|length| status == 304 && length == "10");
                ensure(right, || format!("{status} has the length {length:?}"))?;
            }
            Ok(())
        },
        ..Case::NEW
    },
    Case {
        name: "http2_whole_response_has_its_length",
        rules: &["H-84", "H-82", "A-71"],
        about: "What the application sends whole has its length, or none; nothing is said of a coding.",
        app: App::Asgi(|_| {
            asgi(|scope, _, mut send| async move {
                let request = scope.into_http()?;
                if request.query_string() == "whole" {
                    return Ok(send.text(200, "whole").await?);
                }
                send.start(StatusCode::OK, text()).await?;
                send.block("who").await?;
                send.flush().await?;
                Ok(send.last("le").await?)
            })
        }),
        check: |client| {
            let mut connection = client.http2()?;
            for how in ["?whole", "?stream"] {
                let response = connection.request(client.to("GET", how, ""))?;
                response.is(200, "whole")?;
                response.has_no_length_but(5)?;
                response.lacks("transfer-encoding")?;
            }
            Ok(())
        },
        ..Case::NEW
    },
];

const OWN: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

const OF_A_CONNECTION: [(&str, &str); 5] = [
    ("connection", "close, x-kit"),
    ("keep-alive", "timeout=5"),
    ("proxy-connection", "close"),
    ("transfer-encoding", "chunked"),
    ("upgrade", "h2c"),
];
