//! curl: uploads, and whether they are waited for.

use gateway_iface::{Error, asgi};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::curl::Curl;
use crate::support::over_tcp;

async fn app(scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    let scope = scope.into_http()?;
    if scope.path_info() == "/full" {
        return Ok(send.text(507, "no room").await?);
    }
    let headers =
        HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"))]);
    send.start(StatusCode::OK, headers).await?;
    while let Some(block) = receive.block().await? {
        send.block(block).await?;
    }
    Ok(send.last("").await?)
}

/// What is uploaded: more than any buffer on the way takes.
fn upload() -> Vec<u8> {
    (0..3_000_000_u32).map(|n| (n % 251) as u8).collect()
}

/// curl sends what it reads from its input as it comes, and so in chunks over HTTP/1.1.
#[test]
fn h_36_upload_of_unknown_length_comes_back_as_it_goes() {
    over_tcp(app, async |site| {
        let upload = upload();
        for (version, is_chunked) in [("--http1.1", true), ("--http2-prior-knowledge", false)] {
            let curl = Curl::feed(site, &[version, "--upload-file", "-"], &["/"], &upload).await;
            curl.expect(&[200]);
            let sent = curl.sent();
            assert_eq!(sent.contains(&"Transfer-Encoding: chunked"), is_chunked, "{sent:?}");
            assert!(curl.body == upload, "{version}");
        }
    });
}

#[test]
fn h_46_upload_of_known_length_comes_back_for_each_version() {
    over_tcp(app, async |site| {
        let upload = upload();
        for version in ["--http1.1", "--http1.0", "--http2-prior-knowledge"] {
            let curl = Curl::feed(site, &[version, "--data-binary", "@-"], &["/"], &upload).await;
            curl.expect(&[200]);
            assert_eq!(curl.transfers[0].uploaded, 3_000_000, "{version}");
            assert!(curl.body == upload, "{version}");
        }
    });
}

/// curl waits for the word, for longer than the test is given.
#[test]
fn h_57_h_60_client_that_waits_is_told_once_to_go_on() {
    over_tcp(app, async |site| {
        let curl = Curl::feed(site, &WAITING, &["/"], b"what is sent").await;
        curl.expect(&[200]);
        assert_eq!(curl.statuses(), ["HTTP/1.1 100 Continue", "HTTP/1.1 200 OK"]);
        assert_eq!(curl.text(), "what is sent");
    });
}

#[test]
fn h_57_client_that_is_refused_at_once_sends_nothing() {
    over_tcp(app, async |site| {
        let curl = Curl::feed(site, &WAITING, &["/full"], &upload()).await;
        curl.expect(&[507]);
        assert_eq!(curl.statuses(), ["HTTP/1.1 507 Insufficient Storage"]);
        assert_eq!((curl.transfers[0].uploaded, curl.text()), (0, "no room"));
    });
}

/// Octets may be on their way: the server closes, and a client that is told so does not use it again.
#[test]
fn h_61_h_95_client_that_is_refused_at_once_is_told_that_the_connection_closes() {
    over_tcp(app, async |site| {
        let curl = Curl::feed(site, &WAITING, &["/full", "/full"], &upload()).await;
        curl.expect(&[507, 507]);
        assert_eq!(curl.values("connection"), ["close", "close"]);
    });
}

/// curl asks and, of that version, can get no word: it goes on by itself.
#[test]
fn h_58_client_of_http_1_0_is_not_told_to_go_on() {
    over_tcp(app, async |site| {
        let impatient = [&["--http1.0"][..], &WAITING, &["--expect100-timeout", "0.001"]].concat();
        let curl = Curl::feed(site, &impatient, &["/"], b"what is sent").await;
        curl.expect(&[200]);
        assert!(curl.sent().contains(&"expect: 100-continue"), "{:?}", curl.sent());
        assert_eq!(curl.statuses().len(), 1, "{:?}", curl.statuses());
        assert_eq!(curl.text(), "what is sent");
    });
}

const WAITING: [&str; 6] =
    ["--header", "expect: 100-continue", "--expect100-timeout", "1000", "--data-binary", "@-"];
