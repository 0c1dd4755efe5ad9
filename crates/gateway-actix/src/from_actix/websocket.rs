//! A WebSocket of an actix handler: the worker speaks to it as its client.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use actix_service::Service;
use actix_web::body::MessageBody;
use actix_web::http::Version;
use gateway_iface::asgi::event::{Accept, Close, DenialStart, ReceiveEvent, ResponseBody, SendEvent};
use gateway_iface::asgi::{self, Capability, Disconnect, Receive};
use gateway_iface::{Error, RequestHead};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

use super::handler::{answer, failure, status};
use super::octets::{Octets, octets};
use super::pump::{Ended, Pump};
use super::request::request;
use crate::fields;
use crate::under_way::UnderWay;

/// Has the handler answer the handshake, and passes messages on while the socket is open.
pub(super) async fn serve<S, B>(
    service: &S,
    mut head: RequestHead,
    mut receive: Receive,
    mut send: asgi::Send,
    under_way: UnderWay,
) -> Result<(), Error>
where
    S: Service<actix_http::Request>,
    S::Error: Into<actix_web::Error>,
    S::Response: Into<actix_http::Response<B>>,
    B: MessageBody,
{
    loop {
        match receive.receive().await {
            ReceiveEvent::WebSocketConnect => break,
            event => event.disconnect().map_or(Ok(()), Err)?,
        }
    }
    let denial = head.capabilities().contains(Capability::WebSocketDenial);
    upgrade(&mut head);
    let (octets, payload) = octets();
    let answering = pin!(answer(service, request(head, payload, under_way, Version::HTTP_11)?));
    match unless_closed(&mut receive, answering).await? {
        Ok(response) => open(response, octets, receive, send, denial).await,
        Err(response) => deny(response, &mut send, denial).await,
    }
}

/// Makes the request that a client of HTTP/1.1 sends. What it offered for compression is between it and the server.
fn upgrade(head: &mut RequestHead) {
    head.set_method(Method::GET);
    let headers = head.headers_mut();
    headers.remove(header::SEC_WEBSOCKET_EXTENSIONS);
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    // HTTP/2 has none, and who is in the same process need not be told from a cache by it.
    let key = headers.entry(header::SEC_WEBSOCKET_KEY);
    key.or_insert(HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ=="));
}

/// Waits for the handler, unless the client leaves first.
async fn unless_closed<F: Future>(
    receive: &mut Receive,
    mut future: Pin<&mut F>,
) -> Result<F::Output, Error> {
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Ok(output)),
        Poll::Pending => match receive.poll_disconnect(cx) {
            Poll::Ready(Disconnect::Shutdown) | Poll::Pending => Poll::Pending,
            Poll::Ready(reason) => Poll::Ready(Err(reason.into())),
        },
    })
    .await
}

/// Refuses the socket with the response, where the server can pass one on.
async fn deny<B: MessageBody>(
    response: actix_http::Response<B>,
    send: &mut asgi::Send,
    denial: bool,
) -> Result<(), Error> {
    if !denial {
        return Ok(send.send(Close::default()).await?);
    }
    let (head, body) = response.into_parts();
    let mut headers = fields::from_actix(head.headers());
    headers.remove(header::CONTENT_LENGTH);
    send.send(DenialStart::new(status(head.status())?, headers)).await?;
    let mut body = pin!(body);
    while let Some(block) = poll_fn(|cx| body.as_mut().poll_next(cx)).await {
        let block = block.map_err(|error| failure(&*error.into()))?;
        send.send(SendEvent::WebSocketDenialBody(ResponseBody::block(block))).await?;
    }
    Ok(send.send(SendEvent::WebSocketDenialBody(ResponseBody::last(""))).await?)
}

async fn open<B: MessageBody>(
    response: actix_http::Response<B>,
    octets: Octets,
    receive: Receive,
    mut send: asgi::Send,
    denial: bool,
) -> Result<(), Error> {
    if status(response.status())? != StatusCode::SWITCHING_PROTOCOLS {
        return deny(response, &mut send, denial).await;
    }
    let (head, body) = response.into_parts();
    send.send(accept(fields::from_actix(head.headers()))).await?;
    let mut body = pin!(body);
    let mut pump = Pump::new(octets, receive, send);
    let ended = poll_fn(|cx| pump.poll(body.as_mut(), cx)).await?;
    // With it goes what the handler reads: of a client that is lost it learns by that.
    drop(pump);
    if matches!(ended, Ended::ByClient) {
        // The handler may say good-bye; when the body is dropped, it learns that no one listens.
        let _ = actix_rt::time::timeout(PATIENCE, drain(body)).await;
    }
    Ok(())
}

async fn drain<B: MessageBody>(mut body: Pin<&mut B>) {
    while let Some(Ok(_)) = poll_fn(|cx| body.as_mut().poll_next(cx)).await {}
}

/// What the handler accepted with; the server makes the fields of the handshake.
fn accept(mut headers: HeaderMap) -> Accept {
    const OWNED: [HeaderName; 8] = [
        header::CONNECTION,
        header::CONTENT_LENGTH,
        header::SEC_WEBSOCKET_ACCEPT,
        header::SEC_WEBSOCKET_EXTENSIONS,
        header::SEC_WEBSOCKET_PROTOCOL,
        header::SEC_WEBSOCKET_VERSION,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
    ];
    let chosen = headers.get(header::SEC_WEBSOCKET_PROTOCOL).and_then(|chosen| chosen.to_str().ok());
    let accept = chosen.map_or_else(Accept::new, |chosen| Accept::new().with_subprotocol(chosen));
    for name in OWNED {
        headers.remove(name);
    }
    accept.with_headers(headers)
}

/// How long a handler has to end when its client closed the socket.
const PATIENCE: Duration = Duration::from_secs(5);
