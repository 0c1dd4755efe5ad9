//! A WebSocket of an application, on a connection of actix's server.

use std::future::{Future, poll_fn, ready};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::http::ConnectionType;
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use futures_core::Stream;
use gateway_iface::RequestHead;
use gateway_iface::asgi::Application;
use gateway_websocket::{Aborted, Content, Session, Settings, accept};
use http::{StatusCode, header};

use super::calling::{end_with_connection, status};
use super::host::Actix;
use crate::fields;
use crate::stream::stream;

/// Has the application answer the handshake; the socket goes on in a task of the worker.
pub(super) async fn handshake<A: Application + ?Sized + 'static>(
    app: Arc<A>,
    request: HttpRequest,
    head: Box<RequestHead>,
    payload: Payload,
    settings: Settings,
    host: Arc<Actix>,
) -> ServiceResponse {
    let length = head.content_length().unwrap_or_default();
    let has_body = length > 0 || head.headers().contains_key(header::TRANSFER_ENCODING);
    let left = |session: Session| host.under_way.spawn(session.finish());
    let mut accepting = pin!(accept(app, head, has_body, &settings, left));
    let accepted = poll_fn(|cx| {
        let _entered = host.under_way.enter();
        accepting.as_mut().poll(cx)
    });
    let (answer, session) = accepted.await;
    let (parts, content) = answer.into_parts();
    let opens = parts.status == StatusCode::SWITCHING_PROTOCOLS;
    let mut response = HttpResponse::new(status(parts.status));
    fields::to_actix(&parts.headers, response.headers_mut());
    let body = if opens {
        response.head_mut().set_connection_type(ConnectionType::Upgrade);
        let (connection, outgoing) = stream(Incoming(payload));
        if let Some(session) = session {
            let stopping = host.under_way.stopping();
            host.under_way.spawn_here(session.run_until(ready(Ok(connection)), stopping));
        }
        BoxBody::new(outgoing)
    } else {
        if let Some(session) = session {
            host.under_way.spawn(session.finish());
        }
        let denial = Denial { content };
        if denial.size() == BodySize::Stream {
            end_with_connection(&request, &mut response);
        }
        BoxBody::new(denial)
    };
    ServiceResponse::new(request, response.set_body(body))
}

/// What the client sends.
struct Incoming(Payload);

impl Stream for Incoming {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        // The error of actix stays on its thread.
        let other = |error: PayloadError| io::Error::other(error.to_string());
        Pin::new(&mut self.0).poll_next(cx).map_err(other)
    }
}

/// The body of an answer that opens no socket.
struct Denial {
    content: Content,
}

impl MessageBody for Denial {
    type Error = Aborted;

    fn size(&self) -> BodySize {
        match http_body::Body::size_hint(&self.content).exact() {
            Some(length) => BodySize::Sized(length),
            None => BodySize::Stream,
        }
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Aborted>>> {
        loop {
            match self.content.poll_block(cx) {
                // To actix it would be the end of a body in chunks.
                Poll::Ready(Some(Ok(block))) if block.is_empty() => {}
                polled => return polled,
            }
        }
    }
}
