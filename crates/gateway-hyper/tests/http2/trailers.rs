//! Fields after a body.

use bytes::Bytes;
use gateway_iface::asgi::event::{ResponseStart, ResponseTrailers};
use gateway_iface::{Error, RequestTrailers, asgi};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::support::{Server, get, on_both_runtimes, post, read};

fn fields() -> HeaderMap {
    HeaderMap::from_iter([("x-sum".parse().unwrap(), HeaderValue::from_static("4"))])
}

/// H-90, H-92, A-133, A-134.
#[test]
fn a_135_trailers_go_to_who_asks_for_them() {
    on_both_runtimes(async || {
        let app = async |scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send| {
            scope.into_http()?;
            let headers = HeaderMap::from_iter([(header::TRAILER, HeaderValue::from_static("x-sum"))]);
            send.send(ResponseStart::new(StatusCode::OK, headers).with_trailers(true)).await?;
            send.last("body").await?;
            Ok::<_, Error>(send.send(ResponseTrailers::last(fields())).await?)
        };
        let server = Server::start(app).await;
        let mut client = server.connect().await;
        for (te, comes) in [(None, false), (Some("trailers"), true)] {
            let mut request = get("/");
            if let Some(te) = te {
                request.headers_mut().insert(header::TE, HeaderValue::from_static(te));
            }
            let (response, _) = client.open(request, true).await;
            let (response, trailers) = read(response.await.unwrap()).await.unwrap();
            assert_eq!(response.body(), "body");
            assert_eq!(trailers, comes.then(fields), "{te:?}");
        }
        server.stop().await;
    });
}

#[test]
fn h_54_trailers_of_a_request_are_apart_from_its_fields() {
    on_both_runtimes(async || {
        let app = async |scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send| {
            let request = scope.into_http()?;
            assert!(!request.head().headers().contains_key("x-sum"));
            let trailers = request.head().extensions().get::<RequestTrailers>().cloned().unwrap();
            assert!(trailers.get().is_none());
            receive.body(100).await?;
            let sum = trailers.get().map(|fields| fields["x-sum"].as_bytes().to_vec());
            Ok::<_, Error>(send.text(200, sum.unwrap_or_default()).await?)
        };
        let server = Server::start(app).await;
        let mut client = server.connect().await;
        let mut request = post("/");
        request.headers_mut().insert(header::TRAILER, HeaderValue::from_static("x-sum"));
        let (response, mut body) = client.open(request, false).await;
        body.send_data(Bytes::from_static(b"body"), false).unwrap();
        body.send_trailers(fields()).unwrap();
        assert_eq!(read(response.await.unwrap()).await.unwrap().0.body(), "4");
        server.stop().await;
    });
}
