//! Applications with every good habit.

use gateway_iface::Error;
use gateway_iface::asgi::event::{Accept, EarlyHint, ResponseStart, ResponseTrailers};
use gateway_iface::asgi::{self, Disconnect, Handshake, Scope};
use gateway_iface::http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use gateway_iface::wsgi::{Body, Environ, StartResponse};

use crate::fixtures::{fields, plain};

/// Every habit of a good asynchronous application, by path.
pub(crate) async fn good(
    scope: Scope,
    mut receive: asgi::Receive,
    mut send: asgi::Send,
) -> Result<(), Error> {
    let request = match scope {
        Scope::Http(request) => request,
        Scope::WebSocket(socket) if socket.head().path_info() == "/denied" => {
            let response = Response::builder().status(403).header("content-type", "text/plain").body("no");
            return Ok(Handshake::begin(receive, send).await?.deny(response?).await?);
        }
        Scope::WebSocket(socket) if socket.head().path_info() == "/refused" => {
            return Ok(Handshake::begin(receive, send).await?.close().await?);
        }
        Scope::WebSocket(socket) => {
            let mut accept = Accept::new();
            if let Some(first) = socket.subprotocols().next() {
                accept = accept.with_subprotocol(first);
            }
            let mut socket = Handshake::begin(receive, send).await?.accept(accept).await?;
            while let Ok(message) = socket.next().await {
                socket.send(message).await?;
            }
            return Ok(());
        }
        Scope::Lifespan(lifespan) => {
            lifespan.state().insert("pool");
            return lifespan.run(receive, send, async { Ok(()) }, async { Ok(()) }).await;
        }
        other => return Err(other.unsupported().into()),
    };
    match request.path_info() {
        "/stream" => {
            send.start(StatusCode::OK, plain()).await?;
            for block in ["one ", "", "two "] {
                send.block(block).await?;
            }
            send.flush().await?;
            send.last("three").await?;
        }
        "/endless" => {
            send.start(StatusCode::OK, plain()).await?;
            loop {
                send.block("tick ").await?;
            }
        }
        "/echo" => {
            let body = receive.body(1 << 20).await?;
            send.start(StatusCode::OK, fields(&[("content-type", "text/plain"), ("x-a", "b")])).await?;
            send.last(body).await?;
        }
        "/wait" => {
            receive.disconnected().await;
        }
        "/early" => {
            // Answers without reading, then learns of the end.
            send.text(403, "no").await?;
            assert_eq!(receive.disconnected().await, Disconnect::Complete);
            assert!(receive.receive().await.disconnect().is_some());
            assert!(receive.receive().await.disconnect().is_some());
        }
        "/204" => send.respond(Response::builder().status(204).body("")?).await?,
        "/304" => send.respond(Response::builder().status(304).header("etag", "\"1\"").body("")?).await?,
        "/head" => {
            let mut headers = plain();
            headers.insert("content-length", HeaderValue::from_static("5"));
            let body = if request.method() == Method::HEAD { "" } else { "hello" };
            send.start(StatusCode::OK, headers).await?;
            send.last(body).await?;
        }
        "/trailers" => {
            send.send(ResponseStart::new(StatusCode::OK, plain()).with_trailers(true)).await?;
            send.send(EarlyHint::new(vec![HeaderValue::from_static("</style.css>; rel=preload")])).await?;
            send.last("body").await?;
            send.send(ResponseTrailers::last(fields(&[("x-sum", "1")]))).await?;
        }
        "/panics" => std::panic::resume_unwind(Box::new("no way")),
        "/fails" => return Err(Error::new("broken").with_status(StatusCode::SERVICE_UNAVAILABLE)),
        "/fails-late" => {
            send.start(StatusCode::OK, plain()).await?;
            send.block("part").await?;
            return Err(Error::new("broken"));
        }
        _ => send.text(200, "hello").await?,
    }
    Ok(())
}

/// Every habit of a good synchronous application, by path.
pub(crate) fn good_wsgi(mut environ: Environ, start: &mut dyn StartResponse) -> Result<Body, Error> {
    match environ.path_info() {
        "/stream" => {
            start
                .start(StatusCode::OK, fields(&[("content-type", "text/plain"), ("content-length", "13")]))?;
            Ok(Body::blocks(["one ", "", "two ", "three"]).on_close(|| Ok(())))
        }
        "/endless" => {
            start.start(StatusCode::OK, plain())?;
            Ok(Body::blocks(std::iter::repeat("tick ")))
        }
        "/echo" => {
            let body = environ.input().read_all(1 << 20)?;
            start.start(StatusCode::OK, plain())?;
            Ok(Body::from(body))
        }
        "/write" => {
            start.start(StatusCode::OK, plain())?;
            start.write(b"written ")?;
            Ok(Body::from("returned"))
        }
        "/restart" => {
            start.start(StatusCode::OK, plain())?;
            start.restart(StatusCode::NOT_FOUND, plain(), Error::new("gone"))?;
            Ok(Body::from("not found"))
        }
        "/204" => {
            start.start(StatusCode::NO_CONTENT, HeaderMap::new())?;
            Ok(Body::empty())
        }
        "/304" => {
            start.start(StatusCode::NOT_MODIFIED, fields(&[("etag", "\"1\"")]))?;
            Ok(Body::empty())
        }
        "/head" => {
            start
                .start(StatusCode::OK, fields(&[("content-type", "text/plain"), ("content-length", "5")]))?;
            Ok(if environ.method() == Method::HEAD { Body::empty() } else { Body::from("hello") })
        }
        "/panics" => std::panic::resume_unwind(Box::new("no way")),
        "/fails" => Err(Error::new("broken")),
        "/fails-late" => {
            start.start(StatusCode::OK, plain())?;
            Ok(Body::try_blocks([Ok("part"), Err(Error::new("broken"))]))
        }
        _ => start.text(200, "hello".into()),
    }
}
