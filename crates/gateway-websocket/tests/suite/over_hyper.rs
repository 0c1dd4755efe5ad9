//! A server of plain hyper: its upgrades are this crate's, and whatever else it is asked an application in memory.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use gateway_conformance::{Application, Running};
use gateway_iface::asgi::{self, Capabilities, Capability};
use gateway_iface::testing::AsgiClient;
use gateway_iface::{BoxError, Connection, RequestHead};
use gateway_websocket::{Content, Session, Settings, accept, is_asked};
use http::{Request, Response};
use http_body::{Body as _, Frame};
use hyper::body::Incoming;
use hyper::ext::Protocol;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::{self, OnUpgrade};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

/// Serves the application on a runtime of its own.
pub(crate) fn start(app: Application) -> Result<Running, BoxError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let addr = listener.local_addr()?;
    runtime.spawn(serve(listener, addr, Arc::new(app)));
    Ok(Running::tcp(addr, move || {
        runtime.shutdown_background();
        Ok(())
    }))
}

async fn serve(listener: TcpListener, addr: SocketAddr, app: Arc<dyn asgi::Application>) {
    let settings = Settings::default();
    while let Ok((stream, peer)) = listener.accept().await {
        tokio::spawn(converse(stream, peer, addr, Arc::clone(&app), settings.clone()));
    }
}

async fn converse(
    stream: TcpStream,
    peer: SocketAddr,
    addr: SocketAddr,
    app: Arc<dyn asgi::Application>,
    settings: Settings,
) {
    let mut connection =
        Connection::new().with_capabilities(Capabilities::none().with(Capability::WebSocketDenial));
    connection.set_client(Some(peer));
    connection.set_server(Some(addr.into()));
    let connection = Arc::new(connection);
    let service = service_fn(move |request| {
        answer(Arc::clone(&app), Arc::clone(&connection), settings.clone(), request)
    });
    // What a client does to its connection is for the client to see.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades().await;
}

pub(crate) async fn answer(
    app: Arc<dyn asgi::Application>,
    connection: Arc<Connection>,
    settings: Settings,
    mut request: Request<Incoming>,
) -> Result<Response<Body>, BoxError> {
    let connects = request.extensions().get().is_some_and(|is: &Protocol| is.as_str() == "websocket");
    let upgrade = upgrade::on(&mut request);
    let (parts, body) = request.into_parts();
    let head = Box::new(RequestHead::on(parts, connection));
    if connects || is_asked(&head) {
        let left = |session: Session| drop(tokio::spawn(session.finish()));
        let (response, session) = accept(app, head, !body.is_end_stream(), &settings, left).await;
        if let Some(session) = session {
            tokio::spawn(session.run(upgraded(upgrade)));
        }
        return Ok(response.map(Body::Content));
    }
    let request = Request::from_parts(head.into_parts(), Bytes::new());
    let response = AsgiClient::new(app).request(request).await?;
    let mut answer = Response::new(Body::Text(response.text().into_owned()));
    *answer.status_mut() = response.status();
    Ok(answer)
}

async fn upgraded(upgrade: OnUpgrade) -> io::Result<TokioIo<upgrade::Upgraded>> {
    upgrade.await.map(TokioIo::new).map_err(io::Error::other)
}

pub(crate) enum Body {
    Content(Content),
    Text(String),
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut *self {
            Self::Content(content) => {
                Pin::new(content).poll_frame(cx).map(|frame| frame.map(|frame| frame.map_err(Into::into)))
            }
            Self::Text(text) if text.is_empty() => Poll::Ready(None),
            Self::Text(text) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(text).into())))),
        }
    }
}
