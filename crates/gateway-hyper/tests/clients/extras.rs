//! What goes before and after a response: early hints and trailers, seen by curl and nghttp.

use std::fs;
use std::path::Path;

use gateway_iface::asgi::event::{EarlyHint, ResponseBody, ResponseStart, ResponseTrailers, SendEvent};
use gateway_iface::{Error, RequestTrailers, asgi};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use tokio::process::Command;

use crate::curl::Curl;
use crate::support::{Site, over_tcp, run};

const SUM: HeaderName = HeaderName::from_static("x-sum");

async fn app(scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    let scope = scope.into_http()?;
    let mut headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"))]);
    match scope.path_info() {
        "/hints" => {
            send.start(StatusCode::OK, headers).await?;
            for link in ["</a.css>; rel=preload; as=style", "</b.js>; rel=preload; as=script"] {
                send.send(EarlyHint::new(vec![HeaderValue::from_static(link)])).await?;
            }
            send.last("hinted").await?;
        }
        "/trailers" => {
            headers.insert(header::TRAILER, HeaderValue::from_static("x-sum"));
            send.send(ResponseStart::new(StatusCode::OK, headers).with_trailers(true)).await?;
            send.send(ResponseBody::last("body")).await?;
            let fields = HeaderMap::from_iter([(SUM, HeaderValue::from_static("4"))]);
            send.send(SendEvent::ResponseTrailers(ResponseTrailers::last(fields))).await?;
        }
        _ => {
            let trailers = scope.head().extensions().get::<RequestTrailers>().cloned();
            let octets = receive.body(1024).await?.len();
            let sum = trailers.as_ref().and_then(|trailers| trailers.get()?.get(SUM));
            send.text(200, format!("{octets} octets, sum {sum:?}")).await?;
        }
    }
    Ok(())
}

/// In how many of them they come is the server's choice.
#[test]
fn h_93_hints_come_before_the_final_head_of_each_version_but_1_0() {
    over_tcp(app, async |site| {
        let links = ["</a.css>; rel=preload; as=style", "</b.js>; rel=preload; as=script"];
        for (version, hint, head, links) in [
            ("--http1.0", "", "HTTP/1.0 200 OK", &[][..]),
            ("--http1.1", "HTTP/1.1 103 Early Hints", "HTTP/1.1 200 OK", &links),
            ("--http2-prior-knowledge", "HTTP/2 103", "HTTP/2 200", &links),
        ] {
            let curl = Curl::run(site, &[version], &["/hints"]).await;
            curl.expect(&[200]);
            let mut statuses = curl.statuses();
            assert_eq!(statuses.pop(), Some(head), "{version}");
            assert_eq!(statuses.is_empty(), links.is_empty(), "{version}: {statuses:?}");
            assert!(statuses.iter().all(|&status| status == hint), "{version}: {statuses:?}");
            assert_eq!(curl.values("link"), links, "{version}");
            assert_eq!(curl.text(), "hinted", "{version}");
        }
    });
}

#[test]
fn h_90_h_92_trailers_are_for_clients_of_http_1_1_that_take_them() {
    over_tcp(app, async |site| {
        for (te, trailers) in
            [("trailers", "x-sum: 4\r\n"), ("gzip, Trailers", "x-sum: 4\r\n"), ("gzip", ""), ("", "")]
        {
            let curl = Curl::run(site, &["--raw", "--header", &format!("te: {te}")], &["/trailers"]).await;
            curl.expect(&[200]);
            assert_eq!(curl.text(), format!("4\r\nbody\r\n0\r\n{trailers}\r\n"), "te: {te}");
        }
    });
}

/// What nghttp tells of frames, and of what is in them.
async fn nghttp(site: &Site, path: &str, arguments: &[&str]) -> String {
    let mut command = Command::new("nghttp");
    let output = run(command.arg("--verbose").args(arguments).arg(site.url(path)), b"").await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn h_90_trailers_are_for_clients_of_http_2_that_take_them() {
    over_tcp(app, async |site| {
        let says = nghttp(site, "/trailers", &["--header=te: trailers"]).await;
        assert!(says.contains("body") && says.contains(") x-sum: 4"), "{says}");
        let says = nghttp(site, "/trailers", &[]).await;
        assert!(says.contains("body") && !says.contains(") x-sum: 4"), "{says}");
    });
}

#[test]
fn h_54_trailers_of_a_request_are_told_apart_from_its_fields() {
    over_tcp(app, async |site| {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("upload-{}", std::process::id()));
        fs::write(&file, "what is sent").unwrap();
        let upload = format!("--data={}", file.display());
        let says = nghttp(site, "/upload", &[&upload, "--trailer=x-sum: 12"]).await;
        assert!(says.contains(r#"12 octets, sum Some("12")"#), "{says}");
        let says = nghttp(site, "/upload", &[&upload, "--header=x-sum: 12"]).await;
        assert!(says.contains("12 octets, sum None"), "{says}");
        fs::remove_file(file).unwrap();
    });
}
