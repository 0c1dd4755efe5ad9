//! Requests and responses as they should be.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use gateway_iface::wsgi::{Body, Environ, StartResponse};
use gateway_iface::{Error, asgi};
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::support::{Server, both_ways, hello, on_both_runtimes};

fn wsgi_hello(_: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
    start_response.start(StatusCode::OK, HeaderMap::new())?;
    Ok(Body::from("Hello, World!"))
}

/// W-103: the date is added.
#[test]
fn both_interfaces_say_hello_on_one_connection_again_and_again() {
    on_both_runtimes(async || {
        let mut apps: Vec<(_, Arc<dyn asgi::Application>)> = both_ways(wsgi_hello).into();
        apps.push(("asgi", Arc::new(hello)));
        for (name, app) in apps {
            let server = Server::start(app).await;
            let mut client = server.connect().await;
            for _ in 0..20 {
                let response = client.get("/").await;
                assert_eq!((response.status, response.text()), (200, "Hello, World!"), "{name}");
                assert_eq!(response.header("content-length"), Some("13"), "{name}");
                assert!(response.header("date").is_some_and(|date| date.ends_with(" GMT")), "{name}: W-103");
            }
            server.stop().await;
        }
    });
}

/// Tells what it was told, and then spoils its scope.
async fn tell(scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    let mut scope = scope.into_http()?;
    let head = scope.head();
    let body = receive.body(1000).await?;
    let mut text =
        format!("{} {}?{} {:?}\n", head.method(), head.raw_path(), head.query_string(), head.version());
    for (name, value) in head.headers() {
        text += &format!("{name}: {}\n", value.to_str()?);
    }
    text += &format!("marked: {}\n", head.extensions().get::<u8>().is_some());
    text += &format!("state: {}\n", head.state().is_some_and(|state| state.get::<u8>().is_some()));
    text += std::str::from_utf8(&body)?;
    let head = scope.head_mut();
    head.extensions_mut().insert(1_u8);
    head.connection_mut().state_mut().insert(1_u8);
    head.connection_mut().set_client(None);
    send.text(200, text).await?;
    Ok(())
}

/// version, method and query are told as they came.
#[test]
fn a_34_h_103_nothing_of_one_request_is_seen_by_the_next_on_its_connection() {
    on_both_runtimes(async || {
        let server = Server::start(tell).await;
        let mut client = server.connect().await;
        client
            .send("POST /first?q=1 HTTP/1.1\r\nhost: one\r\ncookie: secret\r\nx-a: 1\r\ncontent-length: 4\r\n\r\nbody")
            .await;
        let first = client.response().await;
        assert_eq!(
            first.text(),
            "POST /first?q=1 HTTP/1.1\nhost: one\ncookie: secret\nx-a: 1\ncontent-length: 4\n\
             marked: false\nstate: false\nbody"
        );
        client.send("GET /second HTTP/1.1\r\nhost: two\r\n\r\n").await;
        let second = client.response().await;
        assert_eq!(second.text(), "GET /second? HTTP/1.1\nhost: two\nmarked: false\nstate: false\n");
        server.stop().await;
    });
}

#[test]
fn a_34_a_half_that_is_kept_stays_with_the_request_it_is_of() {
    on_both_runtimes(async || {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let app = {
            let kept = Arc::clone(&kept);
            move |scope: asgi::Scope, receive: asgi::Receive, mut send: asgi::Send| {
                let kept = Arc::clone(&kept);
                async move {
                    let path = scope.into_http()?.path_info().to_owned();
                    send.start(StatusCode::OK, HeaderMap::new()).await?;
                    send.block(path.clone()).await?;
                    let old: Option<(asgi::Receive, asgi::Send)> = kept.lock().unwrap().pop();
                    if let Some((mut receive, mut send)) = old {
                        send.last("not of this response").await?;
                        assert!(receive.receive().await.disconnect().is_some());
                    }
                    send.last("!").await?;
                    kept.lock().unwrap().push((receive, send));
                    Ok::<(), Error>(())
                }
            }
        };
        let server = Server::start(app).await;
        let mut client = server.connect().await;
        for path in ["/1", "/2", "/3"] {
            let response = client.get(path).await;
            assert_eq!(response.text(), format!("{path}!"));
        }
        server.stop().await;
    });
}

#[test]
fn h_pipelined_requests_are_answered_in_their_order() {
    on_both_runtimes(async || {
        let server = Server::start(tell).await;
        let mut client = server.connect().await;
        let requests: String = (0..10).map(|n| format!("GET /{n} HTTP/1.1\r\nhost: test\r\n\r\n")).collect();
        client.send(requests).await;
        for n in 0..10 {
            let response = client.response().await;
            assert!(response.text().starts_with(&format!("GET /{n}? ")), "{response:?}");
        }
        server.stop().await;
    });
}

/// A-18, W-146: the version is told; the connection is the server's.
#[test]
fn http_1_0_is_answered_and_closed_unless_it_asks_to_stay() {
    on_both_runtimes(async || {
        let server = Server::start(tell).await;
        let mut client = server.connect().await;
        client.send("GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n").await;
        let response = client.response().await;
        assert!(response.text().starts_with("GET /? HTTP/1.0\n"), "{response:?}");
        assert_eq!(response.header("connection"), Some("keep-alive"));
        client.send("GET / HTTP/1.0\r\n\r\n").await;
        let response = client.response().await;
        assert_eq!((response.status, response.header("transfer-encoding")), (200, None));
        assert!(client.closed().await.is_empty());
        server.stop().await;
    });
}

/// W-146: the connection is the server's.
#[test]
fn connection_close_is_answered_and_closed() {
    on_both_runtimes(async || {
        let server = Server::start(hello).await;
        let mut client = server.connect().await;
        client.send("GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").await;
        let response = client.response().await;
        assert_eq!((response.text(), response.header("connection")), ("Hello, World!", Some("close")));
        assert!(client.closed().await.is_empty());
        server.stop().await;
    });
}

#[test]
fn a_26_repeated_request_fields_stay_apart_and_in_their_order() {
    on_both_runtimes(async || {
        let server = Server::start(tell).await;
        let mut client = server.connect().await;
        client.send("GET / HTTP/1.1\r\nHost: test\r\nX-A: 1\r\nX-A: 2, 3\r\nx-a: 4\r\n\r\n").await;
        let response = client.response().await;
        assert!(response.text().contains("\nx-a: 1\nx-a: 2, 3\nx-a: 4\n"), "{response:?}");
        server.stop().await;
    });
}

#[test]
fn h_46_request_that_announces_no_body_is_known_to_have_none() {
    async fn app(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
        let request = scope.into_http()?;
        Ok(send.text(200, request.head().is_bodiless().to_string()).await?)
    }
    on_both_runtimes(async || {
        let server = Server::start(app).await;
        for (fields, bodiless) in [
            ("", "true"),
            ("content-length: 0\r\n", "true"),
            ("content-length: 1\r\n", "false"),
            ("transfer-encoding: chunked\r\n", "false"),
        ] {
            let mut client = server.connect().await;
            client.send(format!("POST / HTTP/1.1\r\nhost: test\r\n{fields}\r\n")).await;
            assert_eq!(client.response().await.text(), bodiless, "{fields:?}");
        }
        server.stop().await;
    });
}

#[test]
fn a_63_order_and_repetition_of_response_fields_are_kept() {
    async fn app(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
        scope.into_http()?;
        let mut headers = HeaderMap::new();
        for (name, value) in
            [("x-c", "1"), ("x-a", "2"), ("set-cookie", "a"), ("set-cookie", "b"), ("x-b", "3")]
        {
            headers.append(name, HeaderValue::from_static(value));
        }
        send.start(StatusCode::OK, headers).await?;
        send.last(Bytes::from_static(b"x")).await?;
        Ok(())
    }
    on_both_runtimes(async || {
        let server = Server::start(app).await;
        let response = server.get("/").await;
        let own: Vec<_> =
            response.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(
            own[..5],
            [("x-c", "1"), ("x-a", "2"), ("set-cookie", "a"), ("set-cookie", "b"), ("x-b", "3")]
        );
        server.stop().await;
    });
}

#[test]
fn w_103_date_of_the_application_is_kept() {
    async fn app(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
        scope.into_http()?;
        let mut headers = HeaderMap::new();
        headers.insert("date", HeaderValue::from_static("Thu, 01 Jan 1970 00:00:00 GMT"));
        send.start(StatusCode::OK, headers).await?;
        Ok(send.last("x").await?)
    }
    on_both_runtimes(async || {
        let server = Server::start(app).await;
        let response = server.get("/").await;
        let dates: Vec<_> = response.headers.iter().filter(|(name, _)| name == "date").collect();
        assert_eq!(dates.len(), 1);
        assert!(dates[0].1.starts_with("Thu, 01 Jan 1970"));
        server.stop().await;
    });
}

/// H-64: octet by octet, whatever the values are.
#[test]
fn h_68_lines_of_a_head_have_one_form() {
    async fn app(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
        let status = scope.into_http()?.query_string().parse().map_err(Error::from)?;
        let mut headers = HeaderMap::new();
        for value in ["", "a", "a  b", "a\tb", "a, b", ": a"] {
            headers.append("x-value", HeaderValue::from_static(value));
        }
        headers.append("x-long", HeaderValue::from_str(&"a ".repeat(4000)).map_err(Error::from)?);
        send.start(StatusCode::from_u16(status)?, headers).await?;
        Ok(send.last("body").await?)
    }
    on_both_runtimes(async || {
        let server = Server::start(app).await;
        for status in [200, 299, 404, 599] {
            let mut client = server.connect().await;
            client.send(format!("GET /?{status} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n")).await;
            let octets = String::from_utf8(client.closed().await).unwrap();
            let (head, body) = octets.split_once("\r\n\r\n").unwrap();
            let mut lines = head.split("\r\n");
            let line = lines.next().unwrap();
            assert!(line.starts_with(&format!("HTTP/1.1 {status} ")), "{line:?}");
            assert_eq!(lines.clone().filter(|line| line.starts_with("x-value")).count(), 6);
            for line in lines {
                let (name, value) = line.split_once(':').unwrap();
                let is_token =
                    |name: &str| name.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-');
                assert!(!name.is_empty() && is_token(name), "{line:?}");
                let value = value.strip_prefix(' ').unwrap();
                assert!(!value.starts_with([' ', '\t']) && !value.contains(['\r', '\n']), "{line:?}");
            }
            assert_eq!(body, "body");
        }
        server.stop().await;
    });
}
