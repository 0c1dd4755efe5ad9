//! curl over HTTP/1: versions, connections, and how responses are framed.

use bytes::Bytes;
use gateway_iface::{Error, asgi};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::curl::{Curl, Transfer};
use crate::support::over_tcp;

/// Greets; sends a stream; or fails within one.
pub(crate) async fn app(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    let scope = scope.into_http()?;
    let path = scope.path_info();
    if !matches!(path, "/stream" | "/breaks") {
        return Ok(send.text(200, format!("Hello from {path}\n")).await?);
    }
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"))]);
    send.start(StatusCode::OK, headers).await?;
    send.block("begun").await?;
    if path == "/breaks" {
        return Err(Error::new("it breaks"));
    }
    for _ in 0..10 {
        send.block(Bytes::from_static(&[b'x'; 1024])).await?;
    }
    Ok(send.last("").await?)
}

/// What comes of `/stream`.
pub(crate) fn stream() -> String {
    format!("begun{}", "x".repeat(10 * 1024))
}

#[test]
fn h_94_connection_is_kept_for_the_next_request() {
    over_tcp(app, async |site| {
        let curl = Curl::run(site, &[], &["/1", "/2"]).await;
        assert_eq!(curl.transfers, [Transfer::get("1.1", 1), Transfer::get("1.1", 0)]);
        assert_eq!(curl.text(), "Hello from /1\nHello from /2\n");
    });
}

#[test]
fn h_95_connection_that_the_client_closes_is_not_used_again() {
    over_tcp(app, async |site| {
        let curl = Curl::run(site, &["--header", "connection: close"], &["/1", "/2"]).await;
        assert_eq!(curl.transfers, [Transfer::get("1.1", 1), Transfer::get("1.1", 1)]);
        assert_eq!(curl.values("connection"), ["close", "close"]);
    });
}

#[test]
fn h_94_client_of_http_1_0_is_served_once_and_kept_if_it_asks() {
    over_tcp(app, async |site| {
        for (connection, connects) in [("x-nothing: asked", 1), ("connection: keep-alive", 0)] {
            let curl = Curl::run(site, &["--http1.0", "--header", connection], &["/1", "/2"]).await;
            curl.expect(&[200, 200]);
            assert_eq!(curl.transfers[1].connects, connects, "{connection}");
            assert_eq!(curl.text(), "Hello from /1\nHello from /2\n", "{connection}");
        }
    });
}

/// H-84, H-88: nor does the stream end early.
#[test]
fn h_83_stream_is_chunked_for_http_1_1_and_ends_with_the_connection_for_1_0() {
    over_tcp(app, async |site| {
        for (version, framed_by) in [("--http1.1", "transfer-encoding"), ("--http1.0", "the connection")] {
            let curl = Curl::run(site, &[version], &["/stream"]).await;
            curl.expect(&[200]);
            assert_eq!(curl.text(), stream(), "{version}");
            assert_eq!(curl.values("content-length"), [""; 0], "{version}");
            let is_chunked = curl.values("transfer-encoding") == ["chunked"];
            assert_eq!(is_chunked, framed_by == "transfer-encoding", "{version}");
        }
    });
}

/// Octets of a body would be the beginning of the second response.
#[test]
fn h_77_h_78_answer_to_head_has_the_length_of_get_and_no_body() {
    over_tcp(app, async |site| {
        let get = Curl::run(site, &[], &["/1", "/2"]).await;
        let head = Curl::run(site, &["--head"], &["/1", "/2"]).await;
        assert_eq!(head.transfers, [Transfer::get("1.1", 1), Transfer::get("1.1", 0)]);
        assert_eq!(head.values("content-length"), ["14", "14"]);
        assert_eq!(head.values("content-length"), get.values("content-length"));
    });
}

/// curl takes a body that breaks off for one that is there only in part, and fails.
#[test]
fn h_87_response_that_breaks_off_is_no_whole_one() {
    over_tcp(app, async |site| {
        for version in ["--http1.1", "--http1.0"] {
            let curl = Curl::run(site, &[version], &["/breaks"]).await;
            assert_ne!(curl.code, 0, "{version}");
            assert_eq!(curl.statuses().len(), 1, "{version}");
        }
    });
}

#[test]
fn h_107_upgrade_to_http_2_in_plain_text_is_ignored() {
    over_tcp(app, async |site| {
        let curl = Curl::run(site, &["--http2"], &["/"]).await;
        assert!(curl.sent().contains(&"Upgrade: h2c"), "{:?}", curl.sent());
        assert_eq!(curl.transfers, [Transfer::get("1.1", 1)]);
    });
}
