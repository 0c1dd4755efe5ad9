//! A WebSocket of an actix handler: the worker speaks to it as its client.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_http::BoxedPayloadStream;
use actix_service::Service;
use actix_web::body::MessageBody;
use actix_web::http::Version;
use bytes::Bytes;
use futures_core::Stream;
use gateway_iface::asgi::event::{Accept, Close, DenialStart, ReceiveEvent, ResponseBody, SendEvent};
use gateway_iface::asgi::{self, Capability, Disconnect, Receive};
use gateway_iface::{Error, RequestHead};
use gateway_websocket::Relay;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

use super::handler::{answer, failure, status};
use super::request::request;
use crate::fields;
use crate::stream::{Connection, stream};
use crate::under_way::UnderWay;

/// Has the handler answer the handshake, and passes messages on while the socket is open.
pub(super) async fn serve<S, B>(
    service: &S,
    ready: Result<(), S::Error>,
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
    // What the handler writes is there when it has answered.
    let written = Written::default();
    let (connection, octets) = stream(written.clone());
    let octets: BoxedPayloadStream = Box::pin(octets);
    let request = request(head, octets.into(), under_way, Version::HTTP_11)?;
    let answering = pin!(answer(service, ready, request));
    match unless_closed(&mut receive, answering).await? {
        Ok(response) if status(response.status())? == StatusCode::SWITCHING_PROTOCOLS => {
            let (head, body) = response.into_parts();
            written.set(body);
            send.send(accept(fields::from_actix(head.headers())?)).await?;
            relay(connection, receive, send).await
        }
        Ok(response) => deny(response, &mut receive, &mut send, denial).await,
        Err(response) => deny(response, &mut receive, &mut send, denial).await,
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
    receive: &mut Receive,
    send: &mut asgi::Send,
    denial: bool,
) -> Result<(), Error> {
    if !denial {
        return Ok(send.send(Close::default()).await?);
    }
    let (head, body) = response.into_parts();
    let mut headers = fields::from_actix(head.headers())?;
    headers.remove(header::CONTENT_LENGTH);
    send.send(DenialStart::new(status(head.status())?, headers)).await?;
    let mut body = pin!(body);
    loop {
        let next = pin!(poll_fn(|cx| body.as_mut().poll_next(cx)));
        let Some(block) = unless_closed(receive, next).await? else {
            break;
        };
        let block = block.map_err(|error| failure(&*error.into()))?;
        send.send(SendEvent::WebSocketDenialBody(ResponseBody::block(block))).await?;
    }
    Ok(send.send(SendEvent::WebSocketDenialBody(ResponseBody::last(""))).await?)
}

/// Passes messages on, until one side closes the socket.
async fn relay<B: MessageBody>(
    mut connection: Connection<Written<B>>,
    receive: Receive,
    send: asgi::Send,
) -> Result<(), Error> {
    let relayed = Relay::new(&mut connection, receive, send).await;
    // The handler may say good-bye; when the body is dropped, it learns that no one listens.
    let _ = actix_rt::time::timeout(PATIENCE, connection.drain()).await;
    relayed
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

/// The body of a response that switches protocols: what the handler writes.
struct Written<B> {
    body: Rc<RefCell<Option<Pin<Box<B>>>>>,
}

impl<B> Written<B> {
    fn set(&self, body: B) {
        *self.body.borrow_mut() = Some(Box::pin(body));
    }
}

impl<B: MessageBody> Stream for Written<B> {
    type Item = io::Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut body = self.body.borrow_mut();
        let Some(body) = &mut *body else {
            return Poll::Ready(None);
        };
        let failed = |error: B::Error| io::Error::other(failure(&*error.into()));
        body.as_mut().poll_next(cx).map_err(failed)
    }
}

impl<B> Clone for Written<B> {
    fn clone(&self) -> Self {
        Self { body: self.body.clone() }
    }
}

impl<B> Default for Written<B> {
    fn default() -> Self {
        Self { body: Rc::default() }
    }
}

/// How long a handler has to end when its client closed the socket.
const PATIENCE: Duration = Duration::from_secs(5);
