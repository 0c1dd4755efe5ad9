//! Heads of requests and responses.

use bytes::Bytes;
use gateway_iface::asgi::event::ResponseStart;
use gateway_iface::{Error, asgi};
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};

use crate::support::{Server, get, on_both_runtimes};

/// Tells what it was told.
async fn describe(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    let request = scope.into_http()?;
    let head = request.head();
    let mut names: Vec<_> = head.headers().keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    let host = head.headers()[header::HOST].to_str().unwrap_or_default();
    let text = format!("{} {:?} {host} {} {names:?}", head.method(), head.version(), head.raw_path());
    Ok(send.text(200, text).await?)
}

/// the pseudo-fields are the head's own, and no fields.
#[test]
fn h_110_h_111_authority_is_the_host_and_pseudo_fields_are_none() {
    on_both_runtimes(async || {
        let server = Server::start(describe).await;
        let mut client = server.connect().await;
        assert_eq!(client.get("/a%20b?c").await.body(), "GET HTTP/2.0 test /a%20b [\"host\"]");
        let mut same = get("/");
        same.headers_mut().insert(header::HOST, HeaderValue::from_static("test"));
        assert_eq!(client.send(same).await.body(), "GET HTTP/2.0 test / [\"host\"]");
        let mut other = get("/");
        other.headers_mut().insert(header::HOST, HeaderValue::from_static("other"));
        assert_eq!(client.send(other).await.status(), 400);
        server.stop().await;
    });
}

#[test]
fn h_14_h_15_h_21_requests_that_are_refused_over_http_1_are_refused() {
    on_both_runtimes(async || {
        let server = Server::start(describe).await;
        let mut client = server.connect().await;
        for (method, target, status) in [
            ("GET", "http://user@test/", 400),
            ("GET", "https://test/", 421),
            ("get", "http://test/", 501),
            ("CONNECT", "test:80", 501),
            ("OPTIONS", "http://test/*", 200),
        ] {
            let request = Request::builder().method(method).uri(target).body(()).unwrap();
            assert_eq!(client.send(request).await.status(), status, "{method} {target}");
        }
        server.stop().await;
    });
}

/// H-77, and H-30: a refusal has a body for who may read it.
#[test]
fn h_77_refused_head_has_no_body() {
    on_both_runtimes(async || {
        let server = Server::with(crate::support::builder().max_headers(10), describe).await;
        let mut client = server.connect().await;
        for (method, length) in [("HEAD", 0), ("GET", 31)] {
            let mut request = Request::builder().method(method).uri("http://test/");
            for number in 0..10 {
                request = request.header(format!("x-{number}"), "x");
            }
            let few = client.send(request.body(()).unwrap()).await;
            assert_eq!(few.status(), 200, "{method}");
            let mut request = Request::builder().method(method).uri("http://test/");
            for number in 0..11 {
                request = request.header(format!("x-{number}"), "x");
            }
            let many = client.send(request.body(()).unwrap()).await;
            assert_eq!((many.status().as_u16(), many.body().len()), (431, length), "{method}");
            assert_eq!(many.headers()[header::CONTENT_LENGTH], "31");
        }
        server.stop().await;
    });
}

/// H-29: over HTTP/2 a browser sends each cookie in a field of its own.
#[test]
fn h_112_split_cookies_are_one_variable() {
    on_both_runtimes(async || {
        use gateway_iface::bridge::Inline;
        use gateway_iface::wsgi::{Body, Environ, StartResponse};
        let app = |environ: Environ, start_response: &mut dyn StartResponse| -> Result<Body, Error> {
            let cookies =
                environ.get("HTTP_COOKIE").map(|value| value.latin1().into_owned()).unwrap_or_default();
            start_response.start(StatusCode::OK, HeaderMap::new())?;
            Ok(Body::from(cookies))
        };
        let server = Server::start(Inline::new(app)).await;
        let mut request = get("/");
        request.headers_mut().append(header::COOKIE, HeaderValue::from_static("a=1"));
        request.headers_mut().append(header::COOKIE, HeaderValue::from_static("b=2"));
        assert_eq!(server.connect().await.send(request).await.body(), "a=1; b=2");
        server.stop().await;
    });
}

/// H-70: with a date, as over HTTP/1.
#[test]
fn h_109_fields_of_a_connection_are_not_sent() {
    on_both_runtimes(async || {
        let app = async |scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send| {
            scope.into_http()?;
            let mut headers = HeaderMap::new();
            for name in
                ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "x-kept"]
            {
                headers.insert(name, HeaderValue::from_static("x"));
            }
            send.send(ResponseStart::new(StatusCode::OK, headers)).await?;
            Ok(send.last(Bytes::new()).await?)
        };
        let server = Server::despite(&["A-72", "A-73"], crate::support::builder(), app).await;
        let response = server.connect().await.get("/").await;
        let mut names: Vec<_> = response.headers().keys().map(|name| name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["content-length", "date", "x-kept"]);
        server.stop().await;
    });
}

/// H-76, H-77, H-78, A-75.
#[test]
fn h_77_head_204_and_304_have_no_body() {
    on_both_runtimes(async || {
        let app = async |scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send| {
            let request = scope.into_http()?;
            let status = request.head().raw_path()[1..].parse::<u16>().map_err(Error::from)?;
            send.start(StatusCode::from_u16(status)?, HeaderMap::new()).await?;
            send.block("some").await?;
            Ok(send.last(" body").await?)
        };
        let server = Server::despite(&["H-77"], crate::support::builder(), app).await;
        let mut client = server.connect().await;
        for (method, path, length) in
            [("HEAD", "/200", Some("9")), ("GET", "/204", None), ("GET", "/304", None)]
        {
            let request =
                Request::builder().method(method).uri(format!("http://test{path}")).body(()).unwrap();
            let response = client.send(request).await;
            assert!(response.body().is_empty(), "{method} {path}");
            let known = response.headers().get(header::CONTENT_LENGTH);
            assert!(known.is_none() || known.map(|known| known.to_str().unwrap()) == length, "{known:?}");
        }
        assert_eq!(client.get("/200").await.body(), "some body");
        server.stop().await;
    });
}
