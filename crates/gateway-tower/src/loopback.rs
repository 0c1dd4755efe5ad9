//! WebSockets of a service.
//!
//! A service takes the connection over by hyper's [`OnUpgrade`], which nobody but hyper can make. So hyper is on both
//! ends of a stream in memory, and from the answer on [`Relay`] connects that stream with the exchange.

use std::future::{Future, pending, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use bytes::Bytes;
use gateway_iface::adapter::Origin;
use gateway_iface::asgi::event::{Accept, Close, DenialStart, ReceiveEvent, ResponseBody, SendEvent};
use gateway_iface::asgi::{self, Capability, Disconnect, Receive, WebSocketScope};
use gateway_iface::{BoxError, Error};
use gateway_websocket::Relay;
use http::header::{
    CONNECTION, DATE, HOST, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body::Body;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::ext::Protocol;
use hyper::service::service_fn;
use hyper::upgrade::{self, OnUpgrade};
use hyper::{client, server};
use hyper_util::rt::TokioIo;
use tower_service::Service;

use crate::request_body::RequestBody;

/// Has the service answer the handshake, and passes its messages on.
pub(crate) async fn serve<S, B>(
    mut service: S,
    prepare: Option<fn(&mut Parts)>,
    scope: WebSocketScope,
    mut receive: Receive,
    mut send: asgi::Send,
) -> Result<(), Error>
where
    S: Service<Request<RequestBody>, Response = Response<B>> + Send,
    S::Error: Into<BoxError>,
    S::Future: Send,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    loop {
        match receive.receive().await {
            ReceiveEvent::WebSocketConnect => break,
            event => event.disconnect().map_or(Ok(()), Err)?,
        }
    }
    let denies = scope.head().capabilities().contains(Capability::WebSocketDenial);
    let mut parts = Origin::detach(*scope.into_head());
    as_http_1(&mut parts);
    if let Some(prepare) = prepare {
        prepare(&mut parts);
    }

    let handshake = handshake(&parts);
    let failure = Mutex::new(None);
    let request = Mutex::new(Some((&mut service, parts)));
    let service = service_fn(|carrier: Request<Incoming>| {
        let taken = lock(&request).take();
        let failure = &failure;
        async move {
            let Some((service, mut parts)) = taken else {
                return Err(Failed);
            };
            if let Some(upgrade) = carrier.into_parts().0.extensions.remove::<OnUpgrade>() {
                parts.extensions.insert(upgrade);
            }
            let response = async {
                poll_fn(|cx| service.poll_ready(cx)).await?;
                service.call(Request::from_parts(parts, RequestBody::empty())).await
            };
            response.await.map_err(|error| {
                *lock(failure) = Some(Error::new(error));
                Failed
            })
        }
    });

    let (near, far) = tokio::io::duplex(BUFFER);
    let served =
        server::conn::http1::Builder::new().serve_connection(TokioIo::new(far), service).with_upgrades();
    let (mut client, connection) =
        client::conn::http1::handshake(TokioIo::new(near)).await.map_err(Error::new)?;
    // Both are over when the connection is upgraded, or closed; what they come to is seen by what waits beside them.
    let mut both = pin!(async {
        let _ = tokio::join!(served, connection.with_upgrades());
        pending::<()>().await;
    });
    let answered = unless_gone(&mut receive, beside(both.as_mut(), client.send_request(handshake))).await?;
    let response = match answered {
        Ok(response) => response,
        Err(error) => return Err(lock(&failure).take().unwrap_or_else(|| Error::new(error))),
    };
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return deny(response, denies, both, &mut receive, &mut send).await;
    }
    send.send(accept(response.headers())).await?;
    let upgraded = beside(both, upgrade::on(response)).await.map_err(Error::new)?;
    Relay::new(TokioIo::new(upgraded), receive, send).await
}

/// Makes the handshake of any version of HTTP one of HTTP/1.1, as services know it.
fn as_http_1(parts: &mut Parts) {
    parts.method = Method::GET;
    parts.version = Version::HTTP_11;
    parts.extensions.remove::<Protocol>();
    // The stream in memory needs no compression.
    parts.headers.remove(SEC_WEBSOCKET_EXTENSIONS);
    parts.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    parts.headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    parts.headers.entry(SEC_WEBSOCKET_VERSION).or_insert(HeaderValue::from_static("13"));
    // Nobody in between could take the answer for another one's.
    parts.headers.entry(SEC_WEBSOCKET_KEY).or_insert(HeaderValue::from_static("AAAAAAAAAAAAAAAAAAAAAA=="));
}

/// What hyper needs to see of the handshake; the service is given the real one.
fn handshake(parts: &Parts) -> Request<Empty<Bytes>> {
    let mut request = Request::new(Empty::new());
    *request.uri_mut() = http::Uri::from_static("/");
    for name in [CONNECTION, UPGRADE, SEC_WEBSOCKET_VERSION, SEC_WEBSOCKET_KEY] {
        if let Some(value) = parts.headers.get(&name) {
            request.headers_mut().insert(name, value.clone());
        }
    }
    request.headers_mut().insert(HOST, HeaderValue::from_static("loopback"));
    request
}

fn accept(answer: &HeaderMap) -> SendEvent {
    let mut headers = answer.clone();
    let subprotocol = headers.remove(SEC_WEBSOCKET_PROTOCOL);
    for name in [CONNECTION, UPGRADE, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, DATE] {
        headers.remove(name);
    }
    let accept = Accept::new().with_headers(headers);
    match subprotocol.as_ref().map(HeaderValue::to_str) {
        Some(Ok(subprotocol)) => accept.with_subprotocol(subprotocol).into(),
        _ => accept.into(),
    }
}

/// Refuses the handshake with the response of the service, where the server can send it.
async fn deny(
    response: Response<Incoming>,
    denies: bool,
    mut both: Pin<&mut impl Future>,
    receive: &mut Receive,
    send: &mut asgi::Send,
) -> Result<(), Error> {
    if !denies {
        return Ok(send.send(Close::default()).await?);
    }
    let (parts, mut body) = response.into_parts();
    send.send(DenialStart::new(parts.status, parts.headers)).await?;
    loop {
        let frame = unless_gone(receive, beside(both.as_mut(), body.frame())).await?;
        let Some(frame) = frame.transpose().map_err(Error::new)? else {
            return Ok(send.send(SendEvent::WebSocketDenialBody(ResponseBody::last(""))).await?);
        };
        if let Ok(block) = frame.into_data() {
            send.send(SendEvent::WebSocketDenialBody(ResponseBody::block(block))).await?;
        }
    }
}

/// Waits for the one, and polls the other meanwhile.
async fn beside<F: Future>(mut other: Pin<&mut impl Future>, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|cx| {
        let polled = future.as_mut().poll(cx);
        if polled.is_pending() {
            let _ = other.as_mut().poll(cx);
        }
        polled
    })
    .await
}

/// Waits for the service, unless the client leaves first.
async fn unless_gone<F: Future>(receive: &mut Receive, future: F) -> Result<F::Output, Disconnect> {
    let mut future = pin!(future);
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Ok(output)),
        Poll::Pending => match receive.poll_disconnect(cx) {
            Poll::Pending | Poll::Ready(Disconnect::Shutdown) => Poll::Pending,
            Poll::Ready(reason) => Poll::Ready(Err(reason)),
        },
    })
    .await
}

/// The service failed; why is told beside.
#[derive(Debug, thiserror::Error)]
#[error("the service failed")]
struct Failed;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Octets on their way between the service and its client, each way.
const BUFFER: usize = 16 * 1024;
