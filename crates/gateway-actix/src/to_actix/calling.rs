//! A call, up to the head of its response.

use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use actix_web::body::{BodySize, BoxBody};
use actix_web::dev::{Payload, ServiceResponse};
use actix_web::http::{ConnectionType, StatusCode as ActixStatus, Version};
use actix_web::{HttpRequest, HttpResponse};
use gateway_iface::RequestHead;
use gateway_iface::adapter::{Failed, Hosted};
use gateway_iface::asgi::Application;
use gateway_iface::asgi::event::ResponseStart;
use http::{Method, StatusCode, header};

use super::body::Body;
use super::host::Actix;
use super::payload::{Lender, lend};
use crate::fields;

/// Waits for the response of an application; what [`ToActix`](crate::ToActix) returns.
///
/// # Cancel safety
///
/// Dropping the future is the loss of the client.
#[must_use = "futures do nothing unless awaited"]
pub struct Calling {
    state: Stage,
}

enum Stage {
    Called(Call),
    Handshake(Pin<Box<dyn Future<Output = ServiceResponse>>>),
    Ready(ServiceResponse),
    Taken,
}

struct Call {
    hosted: Hosted,
    lender: Lender,
    request: HttpRequest,
    is_head: bool,
    observed: bool,
    host: Arc<Actix>,
}

impl Calling {
    /// Calls the application with a body, of that length where actix does not keep to one; nothing of it runs before the future is polled.
    pub(super) fn begin<A: Application + ?Sized + 'static>(
        app: Arc<A>,
        request: HttpRequest,
        head: Box<RequestHead>,
        (payload, length): (Payload, Option<u64>),
        observed: bool,
        host: Arc<Actix>,
    ) -> Self {
        let is_head = head.method() == Method::HEAD;
        let (lender, blocks) = lend(payload, length);
        let hosted = Hosted::begin(app, head, blocks, host.clone());
        Self { state: Stage::Called(Call { hosted, lender, request, is_head, observed, host }) }
    }

    /// Has the application answer a handshake.
    pub(super) fn handshake(handshake: impl Future<Output = ServiceResponse> + 'static) -> Self {
        Self { state: Stage::Handshake(Box::pin(handshake)) }
    }

    pub(super) const fn ready(response: ServiceResponse) -> Self {
        Self { state: Stage::Ready(response) }
    }
}

impl Future for Calling {
    type Output = Result<ServiceResponse, actix_web::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let start = match &mut self.state {
            Stage::Called(Call { hosted, lender, host, .. }) => {
                let _entered = host.under_way.enter();
                Some(ready!(lender.drive(cx, |cx| hosted.poll_head(cx))))
            }
            Stage::Handshake(handshake) => {
                self.state = Stage::Ready(ready!(handshake.as_mut().poll(cx)));
                None
            }
            _ => None,
        };
        match (mem::replace(&mut self.state, Stage::Taken), start) {
            (Stage::Called(call), Some(start)) => Poll::Ready(Ok(call.respond(start))),
            (Stage::Ready(response), _) => Poll::Ready(Ok(response)),
            // Polled after its end, which futures need not allow.
            _ => Poll::Pending,
        }
    }
}

impl Call {
    fn respond(self, start: Result<ResponseStart, Failed>) -> ServiceResponse {
        let start = match start {
            Ok(start) => start,
            Err(failed) => return self.fail(failed),
        };
        let mut response = HttpResponse::new(status(start.status));
        fields::to_actix(&start.headers, response.headers_mut());
        let size = self.size(&start);
        let Self { mut hosted, lender, request, is_head, host, .. } = self;
        let streams = is_head || size == BodySize::None;
        let whole = if streams { None } else { hosted.take_whole() };
        let body = if let Some(whole) = whole {
            BoxBody::new(whole)
        } else {
            if size == BodySize::Stream {
                end_with_connection(&request, &mut response);
            }
            BoxBody::new(Body::new(hosted, lender, size, host))
        };
        ServiceResponse::new(request, response.set_body(body))
    }

    /// What actix is to frame the body by.
    fn size(&self, start: &ResponseStart) -> BodySize {
        if matches!(start.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
            return BodySize::None;
        }
        let declared = if self.is_head {
            let length = start.headers.get(header::CONTENT_LENGTH);
            length.and_then(|length| length.to_str().ok()?.parse().ok())
        } else {
            self.hosted.remaining()
        };
        declared.map_or(BodySize::Stream, BodySize::Sized)
    }

    /// Answers in the application's place, and tells nothing of the inside (A-106, W-139).
    fn fail(self, failed: Failed) -> ServiceResponse {
        if failed.is_fault() && !self.observed {
            tracing::error!(error = %failed, "the application failed");
        }
        let mut response = HttpResponse::new(status(failed.status()));
        response.extensions_mut().insert(failed);
        ServiceResponse::new(self.request, response)
    }
}

impl fmt::Debug for Calling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Calling").finish_non_exhaustive()
    }
}

/// Has a body of unknown length end with the connection, where it cannot go in chunks: to HTTP/1.0 (H-83, H-84), and
/// to a request for a WebSocket, which gets an answer that says chunks and has none.
pub(super) fn end_with_connection(request: &HttpRequest, response: &mut HttpResponse) {
    if request.version() < Version::HTTP_11 || request.head().upgrade() {
        response.head_mut().no_chunking(true);
        response.head_mut().set_connection_type(ConnectionType::Close);
    }
}

/// The status in actix's version of `http`.
pub(super) fn status(status: StatusCode) -> ActixStatus {
    ActixStatus::from_u16(status.as_u16()).unwrap_or(ActixStatus::INTERNAL_SERVER_ERROR)
}
