//! Responses ahead of the response.

use std::future::poll_fn;

use bytes::Bytes;
use gateway_iface::asgi::event::EarlyHint;
use gateway_iface::{Error, asgi};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::support::{Server, on_both_runtimes, post, read};

/// H-57, H-60: 100 when the application first reads, and none where it does not.
#[test]
fn h_57_client_that_waits_is_told_to_go_on_when_its_body_is_read() {
    on_both_runtimes(async || {
        let app = async |scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send| {
            let request = scope.into_http()?;
            if request.head().raw_path() == "/refuses" {
                return Ok(send.text(403, "no").await?);
            }
            let body = receive.body(100).await?;
            Ok::<_, Error>(send.text(200, body).await?)
        };
        let server = Server::start(app).await;
        let mut client = server.connect().await;
        for (path, status, interim) in [("/reads", 200, Some(100)), ("/refuses", 403, None)] {
            let mut request = post(path);
            request.headers_mut().insert(header::EXPECT, HeaderValue::from_static("100-continue"));
            let (mut response, mut body) = client.open(request, false).await;
            let told = poll_fn(|cx| response.poll_informational(cx)).await;
            assert_eq!(told.map(|told| told.unwrap().status().as_u16()), interim, "{path}");
            if interim.is_some() {
                body.send_data(Bytes::from_static(b"body"), true).unwrap();
            }
            assert_eq!(response.await.unwrap().status(), status);
        }
        server.stop().await;
    });
}

/// Whoever reads: the client waits for that.
#[test]
fn h_57_client_is_told_to_go_on_when_another_task_reads() {
    on_both_runtimes(async || {
        let app = async |scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send| {
            scope.into_http()?;
            let reading = tokio::spawn(async move { receive.body(100).await });
            let body = reading.await??;
            Ok::<_, Error>(send.text(200, body).await?)
        };
        let server = Server::start(app).await;
        let mut client = server.connect().await;
        let mut request = post("/");
        request.headers_mut().insert(header::EXPECT, HeaderValue::from_static("100-continue"));
        let (mut response, mut body) = client.open(request, false).await;
        let told = poll_fn(|cx| response.poll_informational(cx)).await.unwrap().unwrap();
        assert_eq!(told.status(), 100);
        body.send_data(Bytes::from_static(b"body"), true).unwrap();
        assert_eq!(response.await.unwrap().status(), 200);
        server.stop().await;
    });
}

#[test]
fn a_131_early_hints_go_ahead_of_the_head() {
    on_both_runtimes(async || {
        let app = async |scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send| {
            scope.into_http()?;
            send.start(StatusCode::OK, HeaderMap::new()).await?;
            for link in ["</a.css>; rel=preload", "</b.js>; rel=preload"] {
                send.send(asgi::event::SendEvent::EarlyHint(EarlyHint::new(vec![HeaderValue::from_static(
                    link,
                )])))
                .await?;
                tokio::task::yield_now().await;
            }
            Ok::<_, Error>(send.last("body").await?)
        };
        let server = Server::start(app).await;
        let mut client = server.connect().await;
        let (mut response, _) = client.open(post("/"), true).await;
        let mut links = Vec::new();
        while let Some(hint) = poll_fn(|cx| response.poll_informational(cx)).await {
            let hint = hint.unwrap();
            assert_eq!(hint.status(), 103);
            links.extend(hint.headers().get_all(header::LINK).iter().cloned());
        }
        assert_eq!(links, ["</a.css>; rel=preload", "</b.js>; rel=preload"]);
        let response = read(response.await.unwrap()).await.unwrap().0;
        assert_eq!((response.status().as_u16(), &response.body()[..]), (200, &b"body"[..]));
        server.stop().await;
    });
}
