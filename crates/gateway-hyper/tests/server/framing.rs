//! How long a response is, and that it is never longer or shorter in silence.

use std::sync::Arc;

use bytes::Bytes;
use gateway_iface::asgi::SendError;
use gateway_iface::wsgi::{Body, Environ, StartResponse};
use gateway_iface::{Error, asgi};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::support::{Server, both_ways, on_both_runtimes};

fn headers(length: Option<u64>) -> HeaderMap {
    length.into_iter().map(|length| (header::CONTENT_LENGTH, length.into())).collect()
}

/// What an application is to send: the path is `/STATUS/LENGTH/BLOCK+BLOCK`, `-` for no length; the
/// query `respond` has it sent in one call.
struct Plan {
    status: StatusCode,
    length: Option<u64>,
    blocks: Vec<String>,
}

impl Plan {
    fn of(path: &str) -> Self {
        let parts: Vec<_> = path.split('/').collect();
        Self {
            status: parts[1].parse().unwrap(),
            length: parts[2].parse().ok(),
            blocks: parts[3].split('+').filter(|block| !block.is_empty()).map(str::to_owned).collect(),
        }
    }
}

async fn asgi_app(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    let scope = scope.into_http()?;
    let Plan { status, length, blocks } = Plan::of(scope.path_info());
    if scope.query_string() == "respond" {
        let mut response = http::Response::new(blocks.concat());
        *response.status_mut() = status;
        *response.headers_mut() = headers(length);
        return Ok(send.respond(response).await?);
    }
    send.start(status, headers(length)).await?;
    match &blocks[..] {
        [] => send.last(Bytes::new()).await?,
        [only] => send.last(only.clone()).await?,
        blocks => {
            for block in blocks {
                send.block(block.clone()).await?;
            }
            send.last(Bytes::new()).await?;
        }
    }
    Ok(())
}

fn wsgi_app(environ: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
    let Plan { status, length, blocks } = Plan::of(environ.path_info());
    start_response.start(status, headers(length))?;
    Ok(match blocks.len() {
        0 => Body::empty(),
        1 => Body::from(blocks.concat()),
        _ => Body::blocks(blocks),
    })
}

fn apps() -> Vec<(&'static str, Arc<dyn asgi::Application>)> {
    let mut apps: Vec<(_, Arc<dyn asgi::Application>)> = both_ways(wsgi_app).into();
    apps.push(("asgi", Arc::new(asgi_app)));
    apps
}

/// Runs the check on a server of each kind.
async fn on_each(check: impl AsyncFn(&str, &Server)) {
    on_each_despite(&[], check).await;
}

/// The same, where the application breaks these rules on purpose.
async fn on_each_despite(rules: &[&'static str], check: impl AsyncFn(&str, &Server)) {
    for (name, app) in apps() {
        let server = Server::despite(rules, app).await;
        check(name, &server).await;
        server.stop().await;
    }
}

#[test]
fn w_126_response_of_one_block_has_its_length() {
    on_both_runtimes(async || {
        on_each(async |name, server| {
            for path in ["/200/-/hello", "/200/-/hello?respond", "/404/-/hello"] {
                let response = server.get(path).await;
                assert_eq!(response.header("content-length"), Some("5"), "{name} {path}");
                assert_eq!(
                    (response.header("transfer-encoding"), response.text()),
                    (None, "hello"),
                    "{name} {path}"
                );
            }
        })
        .await;
    });
}

#[test]
fn w_125_response_of_several_blocks_is_chunked_unless_it_tells_its_length() {
    on_both_runtimes(async || {
        on_each(async |name, server| {
            let mut client = server.connect().await;
            let response = client.get("/200/-/one+two").await;
            assert_eq!(response.header("transfer-encoding"), Some("chunked"), "{name}");
            assert_eq!((response.complete, response.text()), (true, "onetwo"), "{name}");
            let response = client.get("/200/6/one+two").await;
            assert_eq!(response.header("content-length"), Some("6"), "{name}");
            assert_eq!((response.header("transfer-encoding"), response.text()), (None, "onetwo"), "{name}");
        })
        .await;
    });
}

#[test]
fn w_127_empty_response_is_complete_and_keeps_the_connection() {
    on_both_runtimes(async || {
        on_each(async |name, server| {
            let mut client = server.connect().await;
            for path in ["/200/-/", "/200/0/", "/200/-/?respond"] {
                let response = client.get(path).await;
                assert_eq!(response.header("content-length"), Some("0"), "{name} {path}");
                assert!(response.complete && response.body.is_empty(), "{name} {path}");
            }
        })
        .await;
    });
}

#[test]
fn a_75_w_129_head_has_the_length_of_get_and_no_body() {
    on_both_runtimes(async || {
        on_each(async |name, server| {
            let mut client = server.connect().await;
            for (path, length) in [
                ("/200/-/hello", Some("5")),
                ("/200/-/hello?respond", Some("5")),
                ("/200/7/hello+to", Some("7")),
                ("/200/1000/", Some("1000")),
            ] {
                client.send(format!("HEAD {path} HTTP/1.1\r\nhost: test\r\n\r\n")).await;
                let head = client.head().await;
                assert_eq!((head.status, head.header("content-length")), (200, length), "{name} {path}");
                assert_eq!(client.get("/200/-/next").await.text(), "next", "{name}: after HEAD {path}");
            }
            client.send("HEAD /200/-/one+two HTTP/1.1\r\nhost: test\r\n\r\n").await;
            assert_eq!(client.head().await.status, 200, "{name}");
            assert_eq!(client.get("/200/-/next").await.text(), "next", "{name}: after HEAD of a stream");
        })
        .await;
    });
}

#[test]
fn a_75_w_129_204_and_304_have_no_body_whatever_the_application_sends() {
    on_both_runtimes(async || {
        on_each_despite(&["H-76", "H-77"], async |name, server| {
            let mut client = server.connect().await;
            for path in [
                "/204/-/body",
                "/204/-/body?respond",
                "/204/-/one+two",
                "/204/-/",
                "/304/-/body",
                "/304/-/one+two",
            ] {
                let head = client.get(path).await;
                assert!(path[1..].starts_with(&head.status.to_string()), "{name} {path}");
                assert_eq!(head.header("transfer-encoding"), None, "{name} {path}");
                if head.status == 204 {
                    assert_eq!(head.header("content-length"), None, "{name} {path}: H-76");
                }
                assert_eq!(client.get("/200/-/next").await.text(), "next", "{name}: after {path}");
            }
            let head = client.get("/204/4/body").await;
            assert_eq!((head.status, head.header("content-length")), (204, None), "{name}");
            assert_eq!(client.get("/200/-/next").await.text(), "next", "{name}");
        })
        .await;
    });
}

#[test]
fn a_74_w_123_body_shorter_than_its_length_cuts_the_connection() {
    on_both_runtimes(async || {
        on_each_despite(&["A-74"], async |name, server| {
            for path in ["/200/10/one+two", "/200/10/one"] {
                let mut client = server.connect().await;
                client.send(format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n")).await;
                // A server that holds the head back may still answer 500, or close with nothing.
                let came = client.closed().await;
                let text = String::from_utf8_lossy(&came);
                let cut = came.is_empty()
                    || (text.starts_with("HTTP/1.1 200 ") && text.contains("content-length: 10"));
                assert!(cut || text.starts_with("HTTP/1.1 500 "), "{name} {path}: {text}");
                assert_eq!(server.get("/200/-/next").await.text(), "next", "{name}: after {path}");
            }
        })
        .await;
    });
}

#[test]
fn a_74_w_122_body_longer_than_its_length_is_never_sent_beyond_it() {
    on_both_runtimes(async || {
        on_each_despite(&["A-74"], async |name, server| {
            let mut client = server.connect().await;
            client.send("GET /200/4/one+two+three HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").await;
            let came = client.closed().await;
            let text = String::from_utf8_lossy(&came);
            if let Some((_, body)) = text.split_once("\r\n\r\n") {
                assert!(body.len() <= 4 || text.starts_with("HTTP/1.1 500 "), "{name}: {text}");
            }
            if name != "asgi" {
                assert!(text.ends_with("\r\n\r\nonet"), "{name}: {text}");
            }
            assert_eq!(server.get("/200/-/next").await.text(), "next", "{name}");
        })
        .await;
    });
}

/// Sends this, tells what came of each, and ends the response well.
async fn try_all(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    scope.into_http()?;
    let invalid = |result: Result<(), SendError>| matches!(result, Err(SendError::Invalid(_)));
    assert!(invalid(send.block("early").await), "body before start");
    assert!(invalid(send.last("early").await), "end before start");
    let low = StatusCode::from_u16(101).unwrap();
    assert!(invalid(send.start(low, HeaderMap::new()).await), "A-60");
    assert!(invalid(send.text(99, "").await), "A-60");
    let mut twice = headers(Some(1));
    twice.append(header::CONTENT_LENGTH, HeaderValue::from_static("2"));
    assert!(invalid(send.start(StatusCode::OK, twice).await), "two lengths");
    send.start(StatusCode::OK, headers(Some(4))).await?;
    assert!(invalid(send.start(StatusCode::CREATED, HeaderMap::new()).await), "double start");
    send.block("ab").await?;
    assert!(invalid(send.block("abc").await), "A-74: longer");
    assert!(invalid(send.last("a").await), "A-74: shorter");
    assert!(invalid(send.start(StatusCode::CREATED, HeaderMap::new()).await), "start after a block");
    send.last("cd").await?;
    send.block("ignored").await?;
    send.start(StatusCode::CREATED, HeaderMap::new()).await?;
    Ok(())
}

#[test]
fn a_66_a_102_a_107_event_that_is_refused_leaves_the_response_as_it_was() {
    on_both_runtimes(async || {
        let server = Server::despite(&["A-60", "A-66", "A-74", "H-43", "V-02"], try_all).await;
        let mut client = server.connect().await;
        for _ in 0..2 {
            let response = client.get("/").await;
            assert_eq!((response.status, response.text()), (200, "abcd"));
        }
        server.stop().await;
    });
}

#[test]
fn a_72_a_73_fields_of_the_connection_are_the_servers() {
    async fn app(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
        scope.into_http()?;
        let mut headers = HeaderMap::new();
        headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("gzip"));
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        headers.insert("keep-alive", HeaderValue::from_static("timeout=5"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("h2c"));
        send.start(StatusCode::OK, headers).await?;
        send.block("a").await?;
        Ok(send.last("b").await?)
    }
    on_both_runtimes(async || {
        let server = Server::despite(&["A-72", "A-73"], app).await;
        let mut client = server.connect().await;
        for _ in 0..2 {
            let response = client.get("/").await;
            assert_eq!((response.header("transfer-encoding"), response.text()), (Some("chunked"), "ab"));
            for name in ["connection", "keep-alive", "upgrade"] {
                assert_eq!(response.header(name), None);
            }
        }
        server.stop().await;
    });
}

#[test]
fn a_62_header_with_a_line_break_cannot_be_built() {
    for value in ["a\r\nset-cookie: b", "a\n", "a\r", "a\0"] {
        assert!(HeaderValue::from_str(value).is_err() && HeaderValue::from_bytes(value.as_bytes()).is_err());
    }
    for name in ["a b", "a:", "a\r\nb", ""] {
        assert!(HeaderName::from_bytes(name.as_bytes()).is_err());
    }
}

#[test]
fn h_78_304_has_no_length_but_the_applications_own() {
    on_both_runtimes(async || {
        on_each_despite(&["H-77", "V-05"], async |name, server| {
            let mut client = server.connect().await;
            for method in ["GET", "HEAD"] {
                for (path, length) in [
                    ("/304/-/hello", None),
                    ("/304/-/hello?respond", None),
                    ("/304/-/one+two", None),
                    ("/304/-/", None),
                    ("/304/-/?respond", None),
                    ("/304/5/hello", Some("5")),
                    ("/304/1000/", Some("1000")),
                ] {
                    client.send(format!("{method} {path} HTTP/1.1\r\nhost: test\r\n\r\n")).await;
                    let head = client.head().await;
                    assert_eq!(head.status, 304, "{name} {method} {path}");
                    // hyper leaves the application's own away where GET would have no body.
                    let came = head.header("content-length");
                    let left_away = method == "GET" && came.is_none();
                    assert!(left_away || came == length, "{name} {method} {path}: {came:?}");
                    assert_eq!(head.header("transfer-encoding"), None, "{name} {method} {path}");
                }
            }
            assert_eq!(client.get("/200/-/next").await.text(), "next", "{name}");
        })
        .await;
    });
}
